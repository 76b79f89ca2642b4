"""What can be done with the runs that are ticked: open, compare, rename, pin, delete after asking, export."""

from collections.abc import Sequence

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run, Status
from edgekit.store.store import Store
from edgekit.ui.runs_table import forget_ticks, title

MOST_COMPARED = 6


def toolbar(store: Store, ticked: Sequence[Run]) -> None:
    """One row of buttons; those that do not fit what is ticked are off, and say why when pointed at."""
    one = ticked[0] if len(ticked) == 1 else None
    done = [run for run in ticked if run.status is Status.DONE]
    with st.container(horizontal=True, vertical_alignment="center", key="runs_toolbar"):
        _link(
            "pages/workbench.py", "Open in Workbench", ":material/tune:", "Tick one finished run.",
            {"model": one.model, "run": one.id} if one and done else None,
        )  # fmt: skip
        _link(
            "pages/compare.py", "Compare", ":material/compare_arrows:", f"Tick two to {MOST_COMPARED} finished runs.",
            {"runs": [run.id for run in done]} if 2 <= len(done) == len(ticked) <= MOST_COMPARED else None,
        )  # fmt: skip
        if st.button("Rename", icon=":material/edit:", disabled=one is None, help="Tick one run.", key="runs_rename"):
            _rename(store, one)
        if st.button("Delete", icon=":material/delete:", disabled=not ticked, help="Tick runs.", key="runs_delete"):
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


def _link(page: str, label: str, icon: str, wanted: str, query: dict | None) -> None:
    st.page_link(page, label=label, icon=icon, help=None if query else wanted, disabled=not query, query_params=query)


@st.dialog("Rename run")
def _rename(store: Store, run: Run) -> None:
    name = st.text_input("Name", run.name, max_chars=80, key="runs_new_name", placeholder=title(run))
    if st.button("Save", type="primary", key="runs_save_name"):
        _do(lambda: store.rename(run.id, name.strip()))


@st.dialog("Delete runs")
def _delete(store: Store, runs: Sequence[Run]) -> None:
    pinned = [run for run in runs if run.pinned]
    what = f"**{title(runs[0])}**" if len(runs) == 1 else f"**{len(runs)} runs**"
    st.markdown(f"Delete {what} and the files that no other run uses? This cannot be undone.")
    if pinned:
        st.warning(f"{len(pinned)} of them {'is' if len(pinned) == 1 else 'are'} pinned.", icon=":material/keep:")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key="runs_delete_yes"):
            _do(lambda: [store.delete(run.id) for run in runs])
        if st.button("Keep", key="runs_delete_no"):
            st.rerun()


def _do(change) -> None:
    """Carry out a change, forget the ticks (rows have moved), and draw the page again; an error stays in the dialog."""
    try:
        change()
    except EdgeKitError as error:
        st.error(str(error))
        return
    forget_ticks()
    st.rerun()
