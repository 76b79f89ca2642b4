"""What can be done with the runs that are ticked: open, compare, rename, pin, delete after asking, export."""

from collections.abc import Sequence

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run, Status
from edgekit.export import exporting
from edgekit.show.naming import title
from edgekit.store.store import Store
from edgekit.ui.runs_table import forget_ticks

MOST_COMPARED = 6


def toolbar(store: Store, ticked: Sequence[Run]) -> None:
    """One row of buttons; those that do not fit what is ticked are off, and say why when pointed at."""
    one = ticked[0] if len(ticked) == 1 else None
    done = [run for run in ticked if run.status is Status.DONE]
    few = 2 <= len(done) == len(ticked) <= MOST_COMPARED
    with st.container(horizontal=True, vertical_alignment="center", key="runs_toolbar"):
        if _button("Open in Workbench", "tune", one is not None and bool(done), "Tick one finished run."):
            st.switch_page("pages/workbench.py", query_params={"model": one.model, "run": one.id})
        if _button("Compare", "compare_arrows", few, f"Tick two to {MOST_COMPARED} finished runs."):
            st.switch_page("pages/compare.py", query_params={"runs": [run.id for run in done]})
        if _button("Rename", "edit", one is not None, "Tick one run."):
            _rename(store, one)
        pinned = one is not None and one.pinned
        if _button("Unpin" if pinned else "Pin", "keep", one is not None, "Tick one run. A pinned run keeps its file."):
            store.pin(one.id, not pinned)
            st.rerun()
        if _button("Delete", "delete", bool(ticked), "Tick the runs to delete."):
            _delete(store, ticked)
        st.download_button(
            "Export CSV", store.csv, "edgekit-runs.csv", "text/csv", icon=":material/download:", on_click="ignore",
            help="All runs with all their numbers, for a spreadsheet.", key="runs_csv",
        )  # fmt: skip


def why_stopped(runs: Sequence[Run]) -> None:
    """For each ticked run that did not finish, what happened and what to do."""
    for run in runs:
        if run.status is Status.FAILED:
            st.error(f"**{title(run)}** failed. {run.error}", icon=":material/error:")
        elif run.status is Status.INTERRUPTED:
            st.warning(f"**{title(run)}** was interrupted. {run.error}", icon=":material/power_off:")
        elif run.status is Status.CANCELLED:
            st.info(f"**{title(run)}** was cancelled before it finished.", icon=":material/cancel:")


def _button(label: str, icon: str, fits: bool, wanted: str) -> bool:
    key = f"runs_{label.split()[0].lower().removeprefix('un')}"
    return st.button(label, icon=f":material/{icon}:", disabled=not fits, help=None if fits else wanted, key=key)


@st.dialog("Rename run")
def _rename(store: Store, run: Run) -> None:
    name = st.text_input("Name", run.name, max_chars=80, key="runs_new_name", placeholder=title(run))
    if st.button("Save", key="runs_save_name"):
        _do(lambda: store.rename(run.id, name.strip()))


@st.dialog("Delete runs")
def _delete(store: Store, runs: Sequence[Run]) -> None:
    pinned = [run for run in runs if run.pinned]
    what = f"**{title(runs[0])}**" if len(runs) == 1 else f"**{len(runs)} runs**"
    st.markdown(f"Delete {what} and the files that no other run uses? This cannot be undone.")
    if pinned:
        st.warning(f"{len(pinned)} of them {'is' if len(pinned) == 1 else 'are'} pinned.", icon=":material/keep:")
    with st.container(horizontal=True):
        if st.button("Delete", icon=":material/delete:", key="runs_delete_yes"):
            _do(lambda: [_deleted(store, run) for run in runs])
        if st.button("Keep", key="runs_delete_no"):
            st.rerun()


def _deleted(store: Store, run: Run) -> None:
    """With what was exported of it."""
    store.delete(run.id)
    exporting.forget(run.id)


def _do(change) -> None:
    """Carry out a change, forget the ticks (rows have moved), and draw the page again; an error stays in the dialog."""
    try:
        change()
    except EdgeKitError as error:
        st.error(str(error))
        return
    forget_ticks()
    st.rerun()
