"""The Layers page: measuring on request, choosing, compressing the choice, and looking into a file."""

import json
import time

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.core.host import this_host
from edgekit.jobs.jobs import JobStatus, jobs
from edgekit.library import card
from edgekit.search.layer_sensitivity import LayerTable, chosen_samples, keep
from edgekit.store.store import Store
from tests.factories import a_baseline, a_run
from tests.pages import fine, opened
from tests.ui.test_layer_map import a_table

pytestmark = pytest.mark.usefixtures("own_store")

PAGE, MODEL, SECONDS = "pages/layers.py", "lenet5-fashion", 300
LAYERS = {"conv1": 500, "conv2": 25_000, "fc1": 400_000, "fc2": 5_000}


def known(**changes) -> LayerTable:
    """A table of LeNet-5 in the store."""
    rows = {"bits": dict.fromkeys(LAYERS, a_table().cells["bits"]["fc"])}
    about = {"model_sha256": card(MODEL).sha256, "layers": LAYERS, "tied": [], "cells": rows, "done": ["bits"]}
    table = a_table(**about | changes)
    with Store.open() as store:
        keep(table, chosen_samples("fashion-mnist"), store)
    return table


def page(chosen: dict | None = None, **query: str) -> AppTest:
    """The page with a choice in its address."""
    query |= {"layers": json.dumps(chosen)} if chosen else {}
    return fine(opened(PAGE, samples="500", **query))


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_an_unknown_model_offers_to_be_measured():
    app = page()
    assert "Measure bits of the weights" in labels(app)
    assert "Measure everything" in labels(app)
    assert "Nothing is compressed yet." in [one.value for one in app.caption][-1]


def test_measuring_is_a_job_that_can_be_cancelled():
    app = page()
    app.button(key="measure_layers_0").click().run()
    job = jobs().get(app.query_params["job"])
    assert job.title == "Measuring the layers of LeNet-5"
    assert "Cancel" in labels(app)
    jobs().cancel(job.id)
    jobs().wait(job.id, SECONDS)
    assert jobs().get(job.id).status is JobStatus.CANCELLED


def test_a_known_axis_is_drawn_and_an_unknown_one_asked_for():
    known()
    app = page()
    assert len(app.get("plotly_chart")) == 1
    assert "Measure bits of the weights" not in labels(app)
    app = page(layer_axis="Channels")
    assert "Measure channels removed" in labels(app)


def test_what_cannot_be_measured_says_why():
    known(without={"rank": "It has no network."})
    app = page(layer_axis="Low rank")
    assert [one.value for one in app.info] == ["It has no network."]


def test_a_choice_in_the_address_is_shown_and_cleared():
    known()
    app = page({"bits": {"fc1": 4}, "no axis": {"fc1": 1}, "weights": {"fc1": 0.123}})
    assert any(text.value.startswith("**1 of 4 layers**") for text in app.markdown)
    app.button(key="layers_clear").click().run()
    assert "layers" not in app.query_params
    assert "layers_compress" not in [button.key for button in fine(app).button]


def test_one_button_chooses_for_every_layer():
    known()
    app = page()
    app.number_input(key="layer_most").set_value(3.0).run()
    app.button(key="layers_fill").click().run()
    assert json.loads(fine(app).query_params["layers"]) == {"bits": dict.fromkeys(LAYERS, 4)}


def test_layers_of_another_model_are_no_choice():
    known()
    app = page({"bits": {"stage1.0.conv1": 4}})
    assert "layers_compress" not in [button.key for button in app.button]


def test_the_choice_is_compressed_and_its_file_looked_into():
    known()
    app = page({"bits": {"fc1": 2}})
    app.button(key="layers_compress").click().run()
    job = app.query_params["job"]
    end = time.monotonic() + SECONDS
    while jobs().get(job).active and time.monotonic() < end:
        time.sleep(0.1)
    app = fine(app.run())
    with Store.open() as store:
        made = next(run for run in store.list() if run.recipe)
    assert made.recipe == [{"quantize_weights": {"bits": 2, "edge_bits": 2, "skip": ["conv1", "conv2", "fc2"]}}]
    bits = {row["layer"]: row["bits"] for row in made.layers if row["shape"]}
    assert bits == {"conv1": 32, "conv2": 32, "fc1": 2, "fc2": 32}
    assert app.query_params["run"] == made.id
    assert any("Signal to noise" in one.value for one in app.caption)


def test_the_choice_is_taken_to_the_workbench():
    known()
    app = page({"bits": {"fc1": 2}})
    app = fine(app.button(key="layers_take").click().run())
    assert app.query_params["recipe"].startswith('[{"quantize_weights":{"bits":2')
    assert app.session_state["edit"] == "Recipe"


def test_a_file_that_is_gone_is_said():
    known()
    base = a_baseline()
    with Store.open() as store:
        for run in (base, a_run(baseline=base.id)):
            run.machine = {"id": this_host().id}
            store.save(run)
    app = fine(opened(PAGE))
    assert any("is not in the store" in one.value for one in app.info)
