"""The buttons that hand a run to others: each makes its file when it is pressed."""

import pytest
from huggingface_hub import ModelCard
from streamlit.testing.v1 import AppTest

from edgekit.core.budget import Budget
from edgekit.store.store import Store
from edgekit.ui import report_block
from tests.factories import a_baseline, a_run
from tests.pages import fine, opened


@pytest.fixture
def run(own_store):
    base = a_baseline()
    run = a_run(baseline=base.id)
    with Store.open() as store:
        store.save(base)
        store.save(run)
    return run


def block(run_id):
    from edgekit.store.store import Store
    from edgekit.ui.report_block import report_block

    store = Store.open()
    report_block(store.get(run_id), store)


def test_there_are_three_buttons_with_names_for_their_files(run):
    app = fine(AppTest.from_function(block, args=(run.id,), default_timeout=60).run())
    assert [one.proto.label for one in app.get("download_button")] == ["Report", "Script", "Model card"]


def test_each_makes_what_it_says(run):
    with Store.open() as store:
        text = report_block._report(run, store, Budget())
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    compile(report_block._script(run), "reproduce.py", "exec")
    assert ModelCard(report_block._card(run)).data.library_name == "onnx"


def test_the_workbench_offers_them_for_the_selected_run(run):
    app = fine(opened("pages/workbench.py", run=run.id))
    assert {"Report", "Script", "Model card"} <= {one.proto.label for one in app.get("download_button")}
    app = fine(app.button(key="present").click().run())
    assert app.title[0].value == "The original"
