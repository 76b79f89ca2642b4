"""The Workbench as a person meets it: empty, measuring, with runs, with errors, by a link, without data."""

import json
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.core.budget import Limit
from edgekit.core.files import sha256
from edgekit.core.host import this_host
from edgekit.core.run import Status
from edgekit.devices.foreseen import foreseen
from edgekit.jobs.jobs import JobStatus, jobs
from edgekit.store.store import Store
from edgekit.ui import actions
from tests.devices.boards import two_runs
from tests.factories import a_baseline, a_run, a_stopped_run, measurements
from tests.techniques.graphs import residual

APP = Path(__file__).resolve().parents[2] / "app.py"
SECONDS = 120


pytestmark = pytest.mark.usefixtures("own_store")


def workbench(**query: str) -> AppTest:
    """The page as a link with this address opens it."""
    app = AppTest.from_file(str(APP), default_timeout=SECONDS)
    for name, value in query.items():
        app.query_params[name] = value
    return fine(app.run())


def in_tab(title: str, run_id: str) -> AppTest:
    """The page on a run, with one of the tabs below it open."""
    app = workbench(run=run_id)
    app.session_state["about"] = title
    return fine(app.run())


def fine(app: AppTest) -> AppTest:
    assert [e.message for e in app.exception] == []
    assert [e.value for e in app.error] == []
    return app


def shown(app: AppTest) -> dict[str, str]:
    """The headline cards: title -> value."""
    return {metric.label: metric.value for metric in app.metric}


def plots(app: AppTest) -> dict[str, dict]:
    """The charts that can be clicked: name -> what plotly draws."""
    found = (element.proto for element in app.get("plotly_chart"))
    return {chart.id.split("-", 2)[2].rpartition("-")[0]: json.loads(chart.spec) for chart in found}


def captions(app: AppTest) -> list[str]:
    """The small print of the selected file."""
    return [line.value for line in app.container(key="selected").markdown]


def stored(*runs):
    """Keep runs that were measured on this machine."""
    with Store.open() as store:
        for run in runs:
            run.machine = {"id": this_host().id}
            store.save(run)
    return runs


def stored_with_file(folder: Path, content: bytes):
    """Keep a run whose file holds `content`, and its baseline."""
    base, run = a_baseline(), a_run()
    (folder / "a.onnx").write_bytes(content)
    with Store.open() as store:
        run.artifact = store.add_file(folder / "a.onnx")
    return stored(base, run)[1]


def quiet(app: AppTest) -> AppTest:
    """The page once its measurement has ended; each run of the app is one look, as the browser takes them."""
    end = time.monotonic() + SECONDS
    while any(job.active for job in jobs().active()) and time.monotonic() < end:
        time.sleep(0.1)
        app.run()
    return app.run()


def test_on_an_empty_store_the_first_point_is_measured_by_itself():
    app = workbench(samples="500")
    assert "The first point is on its way." in app.container(key="no_points").markdown[0].value
    fine(quiet(app))
    assert shown(app)["Accuracy"].endswith(" %")
    assert shown(app)["Size"] == "440 kB"
    with Store.open() as store:
        assert {json.dumps(run.recipe) for run in store.list()} == {"[]", '[{"quantize_static": {}}]'}
        measured = next(run for run in store.list() if run.recipe)
    assert app.query_params["run"] == measured.id
    assert any(measured.artifact.sha256 in text for text in captions(app))


def test_a_finished_run_is_shown_with_all_its_numbers():
    base, run = stored(a_baseline(), a_run())
    app = workbench(run=run.id)
    assert shown(app) == {
        "Accuracy": "91.77 %", "Size": "441 kB", "Latency": "0.110 ms", "As shipped": "410 kB", "Memory": "6.44 MB",
    }  # fmt: skip
    assert app.container(key="selected").markdown[0].value == "**Quantize static**"
    assert any(f"sha256 `{run.artifact.sha256}`" in text for text in captions(app))


def test_the_network_itself_is_shown_where_no_run_is_selected_or_the_selected_one_is_gone():
    stored(a_baseline(), a_stopped_run(Status.FAILED, "the disk is full."))
    for query in ({}, {"run": "nosuchrun"}):
        app = workbench(bits="32", **query)
        assert shown(app)["Accuracy"] == "91.96 %"


def test_a_position_that_was_measured_before_is_selected_and_not_measured_again():
    base, run = stored(a_baseline(), a_run())
    app = workbench()
    assert app.query_params["run"] == run.id
    assert jobs().active() == []


def test_sliders_set_by_a_link_stand_where_the_link_says(monkeypatch):
    stored(a_baseline())
    app = workbench(prune="weights", sparsity="70", bits="4", values="weights only", recovery="fine-tune", epochs="2")
    assert app.slider(key="sparsity").value == 70
    assert app.select_slider(key="bits").value == 4
    assert app.button(key="compress").label == ":primary[**Compress**]"
    assert jobs().active() == [], "what trains waits for Compress"


@pytest.mark.parametrize(
    "query",
    [
        {"bits": "9"},
        {"sparsity": "400"},
        {"prune": "trees"},
        {"samples": "-1"},
        {"model": "nosuchmodel"},
        {"size": "x"},
    ],
    ids=lambda query: next(iter(query)),
)
def test_an_address_that_names_what_is_not_there_opens_on_the_defaults(query):
    stored(a_baseline(), a_run())
    app = workbench(**query)
    assert app.select_slider(key="bits").value == 8
    assert app.selectbox(key="model").value == "lenet5-fashion"


def test_the_chips_follow_the_budget_in_words():
    base, run = stored(a_baseline(), a_run())
    app = workbench(run=run.id, size="0.2", drop="0.1")
    chips = [badge.value for badge in app.container(key="budget").markdown]
    assert any("Size over budget: at most 200 kB" in chip and "close" in chip for chip in chips)
    assert any("Latency within budget: at most 100 ms" in chip and "check" in chip for chip in chips)
    assert any("Accuracy over budget: at most 0.1 points lost" in chip for chip in chips)


def test_a_budget_on_a_device_draws_the_files_by_what_they_would_take_there(tmp_path):
    with Store.open() as store:
        base, run = two_runs(store, tmp_path / "files")
    there = {"budget_device": "Raspberry Pi 4 Model B", "budget_device_latency": "0.5"}
    chart = "chart-elsewhere"
    assert chart not in plots(workbench(model=run.model, run=run.id))
    figure = plots(workbench(model=run.model, run=run.id, **there))[chart]
    estimate = foreseen(run, [Limit(metric="latency_ms", worst=0.5, device="raspberry-pi-4")])
    values = {trace.get("name"): trace["x"] for trace in figure["data"] if "customdata" in trace}
    assert values["Quantized"] == [estimate["latency_ms@raspberry-pi-4"].value]
    assert figure["layout"]["xaxis"]["title"]["text"] == "Latency on Raspberry Pi 4 Model B (ms)"


def test_pin_keeps_the_run():
    base, run = stored(a_baseline(), a_run())
    app = workbench(run=run.id)
    app.button(key="pin").click().run()
    assert app.button(key="pin").label == "Unpin"
    with Store.open() as store:
        assert store.get(run.id).pinned


def test_load_sets_the_sliders_to_what_made_the_selected_file():
    base, run = stored(a_baseline(), a_run(recipe=[{"prune_channels": {}}, {"quantize_weights": {"bits": 3}}]))
    app = workbench(run=run.id, bits="32")
    fine(app.button(key="load").click().run())
    assert app.slider(key="sparsity").value == 50
    assert app.select_slider(key="bits").value == 3
    assert app.get_by_key("values").value == "weights only"
    assert jobs().active() == []


def test_load_opens_the_editor_for_what_no_slider_makes():
    base, run = stored(a_baseline(), a_run(recipe=[{"prune_channels": {"sparsity": 0.33}}]))
    app = workbench(run=run.id, bits="32")
    fine(app.button(key="load").click().run())
    assert app.get_by_key("edit").value == "Recipe"
    assert app.query_params["recipe"] == '[{"prune_channels":{"sparsity":0.33}}]'


def test_cancel_stops_a_measurement_and_offers_to_measure_again(monkeypatch):
    stored(a_baseline())

    def endless(wish, store, *rest, **others):
        def work(progress):
            while True:
                progress(0.5, "measuring")
                time.sleep(0.01)

        return work

    monkeypatch.setattr(actions, "_compress", endless)
    app = workbench(bits="4")
    (job,) = jobs().active()
    app.button(key=f"cancel-{job.id}").click().run()
    assert jobs().wait(job.id, 5).status is JobStatus.CANCELLED
    app.run()
    assert [info.value for info in app.info] == ["Measuring was cancelled."]
    assert app.button(key="measure").label == "Measure"


def test_a_measurement_that_cannot_work_says_why_in_a_sentence():
    stored(a_baseline())
    app = workbench(bits="32", recipe='[{"prune_channels":{"sparsity":0.0}}]')
    quiet(app)
    assert not app.exception
    (error,) = app.error
    assert "sparsity" in error.value


def test_a_job_that_the_server_no_longer_knows_is_said_and_forgotten():
    stored(a_baseline(), a_run())
    app = workbench(job="0123456789abcdef")
    assert "The server was started again" in app.info[0].value.replace("the server", "The server")
    assert "job" not in app.query_params


def test_data_that_is_not_here_is_offered_with_one_button(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    app = workbench(model="resnet8-cifar10")
    place = app.container(key="no_data")
    assert place.subheader[0].value == "CIFAR-10 is not on this computer yet"
    assert [button.label for button in app.button] == [":primary[**Download** CIFAR-10]"]


def test_advice_is_applied_with_one_click():
    base, run = stored(a_baseline(), a_run(measurements=measurements(0.9190, 441_000, 0.11)))
    app = workbench(run=run.id)
    fine(app.button(key="apply-go_further").click().run())
    assert app.slider(key="sparsity").value == 25
    assert app.get_by_key("recovery").value == "fine-tune"


@pytest.mark.usefixtures("cifar10")
def test_advice_may_be_to_begin_with_another_model():
    on = {"data": "cifar10", "measurements": measurements(0.85, 320_000)}
    stored(a_baseline(model="resnet20-cifar10", data="cifar10"), a_baseline(model="resnet8-cifar10", **on))
    worse = measurements(0.80, 330_000)
    recipe = [{"prune_channels": {"sparsity": 0.6}}]
    (run,) = stored(a_run(model="resnet20-cifar10", data="cifar10", recipe=recipe, measurements=worse))
    app = workbench(model="resnet20-cifar10", run=run.id)
    fine(app.button(key="apply-architecture_first").click().run())
    assert app.selectbox(key="model").value == app.query_params["model"] == "resnet8-cifar10"
    assert app.select_slider(key="bits").value == 32, "as it is"


def test_a_budget_that_nothing_holds_is_relaxed_with_one_click():
    sparsities = (0.1, 0.2, 0.3, 0.4, 0.5)
    runs = [a_run(recipe=[{"prune_channels": {"sparsity": share}}], measurements=measurements(0.919, 500_000, 0.1))
            for share in sparsities]  # fmt: skip
    stored(a_baseline(), *runs)
    app = workbench(run=runs[0].id, size="0.2")
    fine(app.button(key="relax-budget_out_of_reach").click().run())
    assert app.number_input(key="size").value == 0.5
    assert "Size within budget: at most 500 kB" in app.container(key="budget").markdown[0].value


def test_each_tab_draws_what_its_name_says():
    base, run = stored(a_baseline(), a_run())
    changed = in_tab("Changed answers", run.id)
    assert "get another answer than from the original network" in " ".join(one.value for one in changed.markdown)
    assert "What happened" in in_tab("Layers", run.id).dataframe[0].value.columns
    assert "Turn on “Measure each step”" in " ".join(one.value for one in in_tab("Each step", run.id).caption)


def test_the_download_holds_the_bytes_of_the_measured_file(tmp_path):
    run = stored_with_file(tmp_path, b"a measured file")
    app = workbench(run=run.id)
    assert app.get_by_key("download").label == ":primary[**Download**] 15 B"
    with Store.open() as store:
        assert sha256(store.file(run.artifact.sha256)) == run.artifact.sha256 == sha256(b"a measured file")


def test_qat_against_ptq_is_one_click_away_from_a_file_on_integers():
    base, run = stored(a_baseline(), a_run())
    app = workbench(run=run.id)
    assert app.button(key="race").label == "QAT against PTQ at 8 bits"
    fine(app.button(key="race").click().run())
    assert [job.title for job in jobs().active()] == ["Comparing"]


def test_a_file_that_computes_in_floats_is_offered_no_such_comparison():
    base, run = stored(a_baseline(), a_run(recipe=[{"quantize_fp16": {}}]))
    assert "race" not in [button.key for button in workbench(run=run.id).button]


def test_a_link_to_a_run_goes_on_showing_it_and_measures_nothing_else():
    base, run = stored(a_baseline(), a_run(recipe=[{"quantize_fp16": {}}]))
    app = workbench(run=run.id)
    assert jobs().active() == []
    assert app.button(key="measure").label == "Measure", "what the controls ask for is offered"
    assert fine(app.run()).query_params["run"] == run.id


def test_the_curve_of_a_run_that_trained_is_drawn_in_its_tab():
    curve = [
        {"step": 1, "epoch": epoch, "loss": 0.3, "accuracy": 0.9, "validation_accuracy": 0.9} for epoch in range(1, 4)
    ]
    base, run = stored(a_baseline(), a_run(recipe=[{"fine_tune": {}}], curve=curve))
    app = in_tab("Training", run.id)
    assert "Accuracy on validation samples" in " ".join(one.value for one in app.caption)
    assert len(app.get("plotly_chart")) == 3


def test_a_file_is_timed_with_and_without_fusion_in_its_tab(tmp_path):
    run = stored_with_file(tmp_path, residual().SerializeToString())
    app = in_tab("Fusion", run.id)
    app.button(key="fusion").click().run()
    job = next(job for job in jobs().active() if job.title == "Timing fusion")
    while jobs().get(job.id).active:
        time.sleep(0.05)
    app = fine(app.run().run())
    assert list(app.table[-1].value["Level"]) == ["disabled", "basic", "extended", "all"]
    assert "fusion" not in [button.key for button in app.button], "what was timed is not timed again"
