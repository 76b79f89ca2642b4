"""The Compare page: which runs it opens on, how they come and go, and that a link shows the same ones."""

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.core.run import Run, Status
from edgekit.store.store import Store
from tests.factories import a_baseline, a_run, a_stopped_run
from tests.pages import fine, opened

PAGE = "pages/compare.py"


@pytest.fixture
def runs(home) -> list[Run]:
    """Four finished runs, the oldest first, and one that failed."""
    made = [a_baseline(), a_run(name="first"), a_run(name="second"), a_run(name="third")]
    with Store.open(home) as store:
        for run in [*made, a_stopped_run(Status.FAILED)]:
            store.save(run)
    return made


def compared(app: AppTest) -> list[str]:
    """The letters and names on the cards."""
    return [text.value for text in app.markdown if text.value.endswith("**") and "-badge[" in text.value]


def test_at_first_the_newest_runs_are_compared(runs):
    app = fine(opened(PAGE))
    assert compared(app) == [":blue-badge[A] **third**", ":orange-badge[B] **second**", ":green-badge[C] **first**"]


def test_a_link_names_the_runs_and_their_order(runs):
    app = fine(opened(PAGE, runs=[runs[1].id, runs[0].id]))
    assert compared(app) == [":blue-badge[A] **first**", ":orange-badge[B] **Uncompressed**"]


def test_a_run_is_added_and_removed_and_the_link_follows(runs):
    app = fine(opened(PAGE, runs=[runs[1].id, runs[2].id]))
    app.selectbox(key="compare_add").select(runs[3].id).run()
    assert app.query_params["runs"] == [runs[1].id, runs[2].id, runs[3].id]
    app.button(key=f"remove-{runs[2].id}").click().run()
    assert compared(fine(app)) == [":blue-badge[A] **first**", ":orange-badge[B] **third**"]


def test_fewer_than_two_runs_ask_for_another(runs):
    app = fine(opened(PAGE, runs=[runs[1].id]))
    assert app.info[0].value == "Add another run to compare: at least two are needed."
    app.button(key=f"remove-{runs[1].id}").click().run()
    assert compared(fine(app)) == []


def test_a_run_that_failed_is_not_offered(runs):
    app = fine(opened(PAGE))
    assert len(app.selectbox(key="compare_add").options) == 1


def test_a_file_that_is_gone_hides_only_the_samples(runs):
    app = fine(opened(PAGE))
    assert app.info[0].value.startswith("The samples cannot be shown: ")
    assert app.table
