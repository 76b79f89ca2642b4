"""The Runs page: filter, tick, rename, pin, delete after asking, export."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.core.run import Run, Status
from edgekit.export.exporting import place
from edgekit.store.store import Store
from edgekit.ui.runs_table import PAGE, frame
from tests.factories import a_baseline, a_run, a_stopped_run
from tests.pages import fine, opened


@pytest.fixture
def page(home: Path) -> Callable[..., AppTest]:
    """Keeps some runs and opens the page on them."""

    def open_page(*runs: Run) -> AppTest:
        with Store.open(home) as store:
            for run in runs:
                store.save(run)
        return fine(opened("pages/runs.py"))

    return open_page


def tick(app: AppTest, *rows: int, draw: bool = True) -> AppTest:
    """Tick rows of the table, counted from the top. Each drawing forgets them, unlike a browser."""
    key = f"runs_table_{app.session_state.get('runs_ticks', 0)}"
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run() if draw else app


def press(app: AppTest, button: str, *rows: int) -> AppTest:
    """Press a button while these rows are ticked."""
    tick(app, *rows, draw=False).button(key=button).click().run()
    assert not app.exception
    return app


def renaming() -> None:
    """A script that holds the dialog open. In a browser it stays open by itself; AppTest draws the whole page anew."""
    from edgekit.store.store import Store
    from edgekit.ui.runs_actions import _rename

    store = Store.open()
    _rename(store, store.list()[0])


def deleting() -> None:
    """The same for deleting all runs."""
    from edgekit.store.store import Store
    from edgekit.ui.runs_actions import _delete

    store = Store.open()
    if runs := store.list():
        _delete(store, runs)


def names(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Run"])


def kept(home: Path) -> list[Run]:
    with Store.open(home) as store:
        return store.list()


def test_runs_of_every_status_are_listed_newest_first(page):
    app = page(a_baseline(), a_run(name="Small"), a_stopped_run(Status.FAILED, "the disk is full."))
    assert [status for (status,) in app.dataframe[0].value["Status"]] == ["Failed", "Done", "Done"]
    assert names(app) == ["Prune weights (sparsity 0.9) → fine tune (epochs 3)", "Small", "Uncompressed"]


def test_a_search_leaves_what_fits_and_says_when_nothing_does(page):
    app = page(a_run(name="Small"), a_run(name="Smaller"), a_baseline())
    app.text_input(key="runs_search").set_value("smaller").run()
    assert names(app) == ["Smaller"]
    app.text_input(key="runs_search").set_value("enormous").run()
    assert not app.dataframe
    assert app.info[0].value == "No run fits these filters."


def test_a_status_leaves_runs_that_ended_so(page):
    app = page(a_run(), a_stopped_run(Status.CANCELLED), a_stopped_run(Status.INTERRUPTED, "EdgeKit was stopped."))
    app.get_by_key("runs_status").set_value(["Cancelled"]).run()
    assert [status for (status,) in app.dataframe[0].value["Status"]] == ["Cancelled"]


def test_a_ticked_run_that_failed_says_why(page):
    app = tick(page(a_stopped_run(Status.FAILED, "the disk is full.", name="Big")), 0)
    assert app.error[0].value == "**Big** failed. the disk is full."


def test_rename_and_delete_first_open_a_dialog(page, home):
    app = press(tick(page(a_run(name="one"), a_run(name="two")), 0), "runs_rename", 0)
    assert app.text_input(key="runs_new_name").value == "two"
    press(tick(app, 0, 1), "runs_delete", 0, 1)
    assert "**2 runs**" in app.markdown[0].value
    assert len(kept(home)) == 2


def test_the_dialog_renames(home):
    with Store.open(home) as store:
        store.save(a_run())
    app = AppTest.from_function(renaming, default_timeout=60).run()
    app.text_input(key="runs_new_name").set_value("  For the watch ")
    app.button(key="runs_save_name").click().run()
    assert [run.name for run in kept(home)] == ["For the watch"]


def test_a_name_that_the_store_refuses_is_said_in_the_dialog(home):
    with Store.open(home) as store:
        store.save(a_run())
    app = AppTest.from_function(renaming, default_timeout=60).run()
    app.text_input(key="runs_new_name").set_value("two\nlines")
    app.button(key="runs_save_name").click().run()
    assert app.error[0].value.startswith("a name must be one line of at most 80 characters")


def test_the_dialog_deletes_after_a_yes(home):
    with Store.open(home) as store:
        store.save(run := a_run(pinned=True))
    exported = place(run.id, "ncnn", "fp16")
    exported.mkdir(parents=True)
    app = AppTest.from_function(deleting, default_timeout=60).run()
    assert app.warning[0].value == "1 of them is pinned."
    assert len(kept(home)) == 1
    app.button(key="runs_delete_yes").click().run()
    assert kept(home) == []
    assert not exported.exists()


def test_a_pinned_run_can_be_unpinned(page, home):
    app = tick(page(a_run(pinned=True)), 0)
    assert app.button(key="runs_pin").label == "Unpin"
    press(app, "runs_pin", 0)
    assert [run.pinned for run in kept(home)] == [False]


@pytest.mark.parametrize(
    ("rows", "usable"),
    [((), []), ((0,), ["rename", "pin", "delete"]), ((1,), ["open", "rename", "pin", "delete"]),
     ((1, 2), ["compare", "delete"]), ((0, 1), ["delete"])],
)  # fmt: skip
def test_only_what_fits_the_ticked_runs_can_be_pressed(page, rows, usable):
    app = tick(page(a_baseline(), a_run(), a_stopped_run(Status.CANCELLED)), *rows)
    actions = ["open", "compare", "rename", "pin", "delete"]
    assert [name for name in actions if not app.button(key=f"runs_{name}").disabled] == usable


def test_many_runs_are_shown_in_pages(page):
    app = page(*(a_run(name=f"number {n}") for n in range(PAGE + 3)))
    assert len(names(app)) == PAGE
    app.session_state["runs_page"] = 2
    app.run()
    assert names(app) == ["number 2", "number 1", "number 0"]


def test_a_row_says_what_was_gained_in_words():
    table = frame([a_run(), a_baseline(), a_stopped_run(Status.CANCELLED)])
    assert list(table["Against the original"]) == ["3.92× smaller, 1.92× faster", "the original", ""]
