"""The report: the run's own numbers in sentences, every run of the model in its chart, nothing from elsewhere in it."""

import re

import pytest

from edgekit.core.budget import Budget, Limit
from edgekit.core.errors import StoreError
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.run import Status
from edgekit.devices.foreseen import foreseen
from edgekit.devices.own import add
from edgekit.library import card
from edgekit.report.device import DeviceRow
from edgekit.report.page import html
from edgekit.show import words
from edgekit.show.charts import BOARD
from edgekit.store.store import Store
from tests.devices.boards import a_result, two_runs
from tests.factories import a_baseline, a_measurement, a_run, a_stopped_run, compared, measurements
from tests.report.reading import Read

EVIL = """</script><script>alert(1)</script><img src=x onerror='alert(2)'>"&<b>{{ 7 * 7 }}"""


@pytest.fixture
def store(own_store):
    with Store.open() as opened:
        yield opened


def kept(store, *runs):
    """The runs in the store, beside the original; the last of them is returned."""
    base = a_baseline()
    for run in (base, *runs):
        run.baseline = None if run.is_baseline else base.id
        store.save(run)
    return runs[-1]


def test_a_report_asks_the_budgets_question_and_answers_it_with_the_runs_own_numbers(store):
    run = kept(store, a_run())
    seen = Read(html(run, store, Budget(size_bytes=5e5, latency_ms=0.2, accuracy_drop=1)))
    assert (
        "Can LeNet-5 fit into 500 kB, take at most 0.200 ms for an image, and lose at most 1 point of accuracy? Yes "
        "“Quantize static” makes a file of 441 kB, 3.92× smaller than the original. It takes 0.110 ms "
        "for an image, 1.92× faster than the original on the same machine. Its accuracy is 91.77 %, 0.19 points below "
        "the original." in seen.text
    )
    assert "✓ Size: 441 kB; asked: at most 500 kB ✓ Latency: 0.110 ms; asked: at most 0.200 ms" in seen.text
    assert "✓ Accuracy: −0.19 points (91.77 %); asked: at most 1 point lost" in seen.text


def test_a_budget_that_is_missed_is_said_to_be_missed(store):
    run = kept(store, a_run())
    seen = Read(html(run, store, Budget(size_bytes=4e5, latency_ms=0.1)))
    assert "Not quite: Size and Latency misses the budget" not in seen.text
    assert "Not quite: size and latency miss the budget" in seen.text
    assert "✗ Size: 441 kB; asked: at most 400 kB" in seen.text


def test_a_limit_on_a_device_is_asked_for_by_name_and_held_against_its_estimate(store, tmp_path):
    _, run = two_runs(store, tmp_path)
    there = Limit(metric="latency_ms", worst=1, device="raspberry-pi-4")
    known = foreseen(run, [there])[there.key].value
    seen = Read(html(run, store, Budget(device=there.device, device_latency_ms=known / 2)))
    half, whole = words.milliseconds(known / 2), words.milliseconds(known)
    assert f"for an image, at most {half} on Raspberry Pi 4 Model B, and lose at most 1 point" in seen.text
    assert "Not quite: latency on Raspberry Pi 4 Model B misses the budget" in seen.text
    assert f"✗ Latency on Raspberry Pi 4 Model B: about {whole}, estimated; asked: at most {half}" in seen.text


def test_a_limit_on_a_device_is_not_held_where_nothing_is_known_of_the_file_there(store):
    seen = Read(html(kept(store, a_run()), store, Budget(device="raspberry-pi-4", device_latency_ms=30)))
    assert "✗ Latency on Raspberry Pi 4 Model B: not known; asked: at most 30.0 ms" in seen.text


def test_the_chart_holds_every_run_of_the_model_that_was_scored_alike(store):
    four_bits = a_run(recipe=[{"quantize_weights": {"bits": 4}}], measurements=measurements(0.91, 230_000, 0.2))
    others = [a_run(samples=500), a_run(model="lenet5-mnist"), a_stopped_run(Status.FAILED, "the disk is full")]
    run = kept(store, four_bits, *others, a_run())
    by_size, by_latency = Read(html(run, store)).data("figures")
    for figure in (by_size, by_latency):
        drawn = {one[0] for trace in figure["data"] for one in trace.get("customdata", [])}
        assert len(drawn) == 3, "the original, four bits, static"
        assert {run.id, four_bits.id} < drawn


def test_the_board_that_timed_the_file_is_a_point_of_its_own_by_latency(store, tmp_path):
    base, run = two_runs(store, tmp_path)
    add(a_result({base.artifact.sha256: 2.0, run.artifact.sha256: 1.0}), run, store)
    by_size, by_latency = Read(html(store.get(run.id), store)).data("figures")
    named = [[trace for trace in f["data"] if trace.get("name") == BOARD.title] for f in (by_size, by_latency)]
    assert named[0] == []
    (point,) = named[1]
    assert point["text"][0].startswith("<b>Raspberry Pi 4 Model B Rev 1.4: ONNX Runtime 1.20.0</b>")
    assert point["x"] == [pytest.approx(1.0, rel=0.05)]


def test_latencies_of_another_machine_are_not_in_the_chart(store):
    elsewhere = a_run(recipe=[{"quantize_weights": {"bits": 4}}], machine={"id": "another", "cpu": "Another"})
    run = kept(store, elsewhere, a_run())
    by_size, by_latency = Read(html(run, store)).data("figures")
    ids = [{one[0] for trace in f["data"] for one in trace.get("customdata", [])} for f in (by_size, by_latency)]
    assert elsewhere.id in ids[0]
    assert elsewhere.id not in ids[1]


def test_what_a_person_wrote_stays_text_wherever_it_is_shown(store):
    name = EVIL[:80]
    run = kept(store, a_run(name=name), a_run(recipe=[{"quantize_weights": {"bits": 4}}], name=name))
    row = DeviceRow(EVIL, EVIL, fits=EVIL, source=EVIL)
    text = html(run, store, question=EVIL, devices=[row])
    seen = Read(text)
    assert [attributes.get("id") for attributes, _ in seen.scripts] == ["figures", "config", "plotly", None]
    assert {attributes.get("type") for attributes, _ in seen.scripts[:3]} == {"application/json", "text/plain"}
    handlers = {name for _, attributes in seen.elements for name in attributes if name.startswith("on")}
    assert handlers == set()
    assert {attributes["src"][:5] for tag, attributes in seen.elements if tag == "img"} == {"data:"}
    assert "alert(2)" in seen.text
    assert "{{ 7 * 7 }}" in seen.text
    names = [trace.get("text") or [] for figure in seen.data("figures") for trace in figure["data"]]
    assert any("&lt;script&gt;alert(1)" in one for some in names for one in some), "what plotly.js reads is escaped too"


def test_a_report_asks_no_address_for_anything(store):
    text = html(kept(store, a_run()), store)
    seen = Read(text)
    asked = [v for _, a in seen.elements for name, v in a.items() if name in ("src", "href", "action", "srcset")]
    assert asked, "there are pictures"
    assert all(one.startswith("data:") for one in asked)
    assert "@import" not in text
    assert "url(" not in text
    policy = next(a["content"] for _, a in seen.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data: blob:; media-src data:;")
    nonce = re.search(r"'nonce-([\w-]+)'", policy)[1]
    assert nonce not in html(kept(store, a_run()), store), "another one each time, so that nobody can foresee it"


def test_a_report_is_well_under_six_megabytes_and_holds_plotly_once(store):
    text = html(kept(store, a_run()), store)
    assert len(text.encode()) < 3e6
    assert text.count('id="plotly"') == 1


def test_estimates_are_told_from_what_was_measured(store):
    latency = Measurement(metric="latency_ms", value=3.1, low=2.2, high=4.4, origin=Origin.ESTIMATED, device="pi")
    energy = latency.model_copy(update={"metric": "energy_mj", "value": 12, "low": 8, "high": 18})
    row = DeviceRow("Raspberry Pi 4", "ONNX Runtime, INT8", latency, "fits", energy, "fitted to 60 published rows")
    run = kept(store, a_run())
    seen = Read(html(run, store, devices=[row]))
    assert "A processor ONNX Runtime 1.24, one thread 0.110 ms" in seen.text
    assert (
        "about 3.10 ms 2.20 to 4.40 ms fits about 12.0 mJ 8.00 to 18.0 mJ estimate: fitted to 60 published rows"
        in seen.text
    )
    assert "Numbers in italics are estimates for devices that this file was not run on" in seen.text
    assert "estimates for devices" not in Read(html(run, store)).text


def test_the_original_itself_can_be_reported(store):
    run = a_baseline()
    store.save(run)
    seen = Read(html(run, store))
    assert "How large, how fast and how good is LeNet-5 as it is? As it is" in seen.text
    assert "The original takes 1.73 MB. It takes 0.210 ms for an image. Its accuracy is 91.96 %" in seen.text
    assert "The recipe" not in seen.text


def test_a_report_outlives_the_original_the_model_and_the_data(store):
    run = a_run(model="mine-1a2b3c4d", baseline="deleted")
    store.save(run)
    assert "Can mine-1a2b3c4d fit into 5.00 MB" in Read(html(run, store)).text


def test_changed_answers_are_shown_with_their_pictures(store):
    seen = Read(html(kept(store, a_run()), store))
    pictures = [a for tag, a in seen.elements if tag == "img"]
    assert len(pictures) == 12
    assert pictures[0]["alt"] == "Test sample 17: Trouser"
    assert "74 of 10,000 test images (0.74 %) get another answer than from the original, for better or" in seen.text


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (compared(p=0.6), "0.19 points below the original, no more than chance explains."),
        (compared(), "with 95 % certainty the true change lies between −3.40 and −2.60 points"),
        (compared("tie"), "It takes 0.110 ms for an image, as fast as the original on the same machine."),
    ],
    ids=["chance", "interval", "tie"],
)
def test_a_sentence_says_how_sure_its_number_is(store, comparison, sentence):
    assert sentence in Read(html(kept(store, a_run(comparison=comparison)), store)).text


def test_of_a_network_that_was_never_trained_only_what_it_costs_is_told(store):
    data = card("bert-base").data
    run = kept(store, a_run(model="bert-base", data=data))
    text = Read(html(run, store)).text
    assert "take at most 100 ms for" in text
    assert "lose at most" not in text
    assert "Nothing says how good this network is: its weights are random" in text
    assert "Answers that changed" not in text


def test_without_labels_it_is_told_how_often_the_original_is_agreed_with(store):
    agreement = {"agreement": a_measurement("agreement", 0.991, 0.002)}
    costs = {name: one for name, one in measurements().items() if name != "accuracy"}
    run = kept(store, a_run(measurements=agreement | costs, baseline_measurements=agreement | costs))
    assert "It gives the original's answer on 99.10 % of the test images." in Read(html(run, store)).text


def test_only_finished_runs_of_one_model_are_reported(store):
    failed = a_stopped_run(Status.FAILED, "the disk is full. Free some space, and try again.")
    with pytest.raises(StoreError) as refused:
        html(failed, store)
    assert str(refused.value) == (
        f"a report is of finished runs; {failed.id} is failed. the disk is full. Free some space, and try again."
    )
    one, other = a_run(id="one"), a_run(id="other", model="lenet5-mnist")
    with pytest.raises(StoreError) as refused:
        html(one, store, among=[one, other])
    assert str(refused.value) == (
        "the runs of a report must be of one model, scored on the same samples; these are: one (lenet5-fashion, 10,000 "
        "test samples), other (lenet5-mnist, 10,000 test samples)."
    )
