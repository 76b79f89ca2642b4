"""Long work in the browser: it can be stopped, a reload finds it again, and two people wait for each other fairly."""

import re

import pytest
from playwright.sync_api import expect

from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.browser import workbench
from tests.browser.conftest import settled
from tests.browser.server import running

TRAINING = "?sparsity=40&recovery=fine-tune&epochs=20"


@pytest.fixture
def app(tmp_path):
    """A server of its own for each of these tests: jobs outlive their tabs."""
    with running(tmp_path / "home") as started:
        yield started


def runs(app) -> list:
    with Store.open(app.home) as store:
        return store.list()


def test_cancel_stops_training_and_the_run_is_kept_as_cancelled(app, tab):
    page = tab(f"{app.url}/{TRAINING}")
    workbench.start_job(page)
    expect(workbench.job(page)).to_contain_text("epoch")
    workbench.cancel_job(page)
    assert [run.status for run in runs(app) if run.recipe] == [Status.CANCELLED]

    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def test_a_reload_finds_the_job_again_where_it_is(app, tab):
    page = tab(f"{app.url}/{TRAINING}")
    workbench.start_job(page)
    expect(workbench.job(page)).to_contain_text("epoch")
    assert "job=" in page.url
    page.reload()
    settled(page)
    expect(workbench.job(page)).to_contain_text("epoch")
    workbench.cancel_job(page)


def test_of_two_people_the_second_sees_its_place_and_has_its_turn(app, tab):
    first = tab(f"{app.url}/{TRAINING}")
    workbench.start_job(first)
    expect(workbench.job(first)).to_contain_text("epoch")
    second = tab(f"{app.url}/{TRAINING.replace('epochs=20', 'epochs=19')}")
    workbench.start_job(second)
    expect(workbench.job(second)).to_contain_text("waiting for one job")
    workbench.cancel_job(first)
    expect(workbench.job(second)).to_contain_text("epoch")
    workbench.cancel_job(second)


def test_a_killed_server_leaves_an_interrupted_run_and_nothing_half_written(tab, tmp_path):
    home = tmp_path / "home"
    with running(home) as app:
        page = tab(f"{app.url}/{TRAINING}")
        workbench.start_job(page)
        expect(workbench.job(page)).to_contain_text("epoch")
        page.close()  # or it would be back as soon as there is a server again
    with running(home) as app:
        page = tab(f"{app.url}/runs")
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        found = {run.status: run for run in runs(app)}
        assert set(found) == {Status.DONE, Status.INTERRUPTED}
        assert "stopped before this run had finished" in found[Status.INTERRUPTED].error
        names = [file.name for file in (home / "files").iterdir()]
        assert all(re.fullmatch(r"[0-9a-f]{64}\.onnx", name) for name in names), names
