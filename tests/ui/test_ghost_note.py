"""What is said of previews: how far they were off, or that there are none and how to have them."""

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.core.host import this_host
from edgekit.library import card
from edgekit.search.ghost_record import Record
from edgekit.store.store import Store
from edgekit.ui.ghost_note import sentence
from tests.factories import a_baseline, a_measurement, a_run
from tests.pages import fine, opened


def test_the_distance_is_said_in_points_and_in_percent():
    told = sentence(Record(12, 0.003, 0.04, 11))
    assert told == (
        "The preview was off by 0.3 points and 4 % of the latency on average over your last 12 runs with one; "
        "11 of them lay inside its band."
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Record(1, 0.003, None, 1), "The preview was off by 0.3 points over your last run; it lay inside its band."),
        (Record(1, None, 0.3, 0), "The preview was off by 30 % of the latency over your last run."),
        (Record(2, None, None, 2), "The preview told the size of your last 2 runs with one exactly."),
    ],
)
def test_what_is_not_known_is_not_said(found, told):
    assert sentence(found) == told


def workbench(model: str, **changes) -> AppTest:
    """The page of a model with its baseline and one run in the store."""
    about = {"model": model, "model_sha256": card(model).sha256, "machine": {"id": this_host().id}}
    base = a_baseline(**about)
    with Store.open() as store:
        store.save(base)
        store.save(a_run(baseline=base.id, **about | changes))
    return fine(opened("pages/workbench.py", model=model))


def test_the_workbench_says_how_far_previews_were_off(own_store):
    good = a_run().measurements["accuracy"].value
    app = workbench("lenet5-fashion", predicted={"accuracy": a_measurement("accuracy", good + 0.004, 0.01)})
    assert any("off by 0.4 points" in one.value for one in app.caption)
    assert "measure_previews" not in [button.key for button in app.button]


def test_a_model_without_a_table_can_have_one_measured(own_store, monkeypatch):
    monkeypatch.setattr("edgekit.search.sensitivity.table_path", lambda name: own_store / "nowhere.json")
    app = workbench("lenet5-fashion")
    app.button(key="measure_previews").click().run()
    assert app.query_params["job"]
