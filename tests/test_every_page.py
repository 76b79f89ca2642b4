"""One contract for every page: whatever the store holds, it is drawn, says what to do, and shows no traceback."""

import pytest

from edgekit.core.run import Status
from edgekit.store.store import Store
from edgekit.ui.router import PAGES
from tests.factories import a_baseline, a_run, a_stopped_run
from tests.pages import fine, opened
from tests.servers import free_port

NAMES = [path for path, _, _ in PAGES]


pytestmark = pytest.mark.usefixtures("own_store")


@pytest.mark.parametrize("page", NAMES)
def test_a_page_is_drawn_on_an_empty_store(page):
    app = fine(opened(page))
    assert app.title or app.get("selectbox"), "a page has a title, or at least something to choose"


@pytest.mark.parametrize("page", ["pages/compare.py", "pages/runs.py"])
def test_a_page_that_needs_runs_says_so_and_offers_one_button(page):
    app = fine(opened(page))
    assert [button.label for button in app.button] == ["Compress a network"]


@pytest.mark.parametrize("page", NAMES)
def test_a_page_is_drawn_with_finished_runs(page):
    with Store.open() as store:
        for run in [a_baseline(), a_run(), a_run(recipe=[{"quantize_weights": {"bits": 4}}], name="Four bits")]:
            store.save(run)
    fine(opened(page))


@pytest.mark.parametrize("page", NAMES)
@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.INTERRUPTED])
def test_a_page_is_drawn_when_all_runs_stopped_early(page, status):
    with Store.open() as store:
        store.save(a_stopped_run(status, "the disk is full. Free some space, and try again."))
    fine(opened(page))


@pytest.mark.parametrize("page", NAMES)
def test_a_link_to_things_that_are_gone_still_opens_the_page(page):
    with Store.open() as store:
        store.save(a_run())
        store.save(a_run())
    fine(opened(page, run="nosuchrun", job="nosuchjob", runs=["nosuchrun", "../etc"], recipe="{not json"))


@pytest.mark.parametrize("page", [name for name in NAMES if name != "pages/models_and_data.py"])
def test_a_damaged_store_is_said_in_a_sentence(page, home):
    home.mkdir()
    (home / "edgekit.db").write_bytes(b"this is no database" * 1000)
    app = opened(page)
    assert [e.message for e in app.exception] == []
    assert len(app.error) == 1
    assert "is damaged" in app.error[0].value
    assert "Move this file away" in app.error[0].value


@pytest.mark.parametrize("page", [name for name in NAMES if name != "pages/models_and_data.py"])
def test_a_database_that_does_not_answer_is_said_in_a_sentence(page, home, monkeypatch):
    monkeypatch.setenv("EDGEKIT_STORE", f"postgresql+psycopg://edgekit:secret@127.0.0.1:{free_port()}/edgekit")
    app = opened(page)
    assert [e.message for e in app.exception] == []
    assert len(app.error) == 1
    assert "must answer, and does not" in app.error[0].value
    assert "secret" not in app.error[0].value
