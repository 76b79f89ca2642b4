"""The table of runs: what is in a row, how it is filtered, and which rows are ticked."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from edgekit.core.measurement import Measurement, quality
from edgekit.core.run import Run, Status
from edgekit.show import words
from edgekit.show.naming import title
from edgekit.store.store import Store

PAGE = 25
LOOKS = {
    Status.DONE: ("Done", "green"),
    Status.RUNNING: ("Running", "blue"),
    Status.FAILED: ("Failed", "red"),
    Status.CANCELLED: ("Cancelled", "gray"),
    Status.INTERRUPTED: ("Interrupted", "orange"),
}


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run; numbers stay numbers, so that the table sorts by them."""
    return pd.DataFrame(
        {
            "Status": [[LOOKS[run.status][0]] for run in runs],
            "Run": [title(run) + (" · pinned" if run.pinned else "") for run in runs],
            "Model": [run.model for run in runs],
            "Accuracy": [_percent(quality(run.measurements)) for run in runs],
            "Size": [_value(run, "size_bytes") for run in runs],
            "Latency": [_value(run, "latency_ms") for run in runs],
            "Against the original": [_speed(run) for run in runs],
            "Made": [run.created for run in runs],
            "Took": [run.seconds or None for run in runs],
        }
    )


def filters(models: Sequence[str]) -> dict:
    """The row of filters, as the arguments of `Store.list`."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="runs_search", type="search", live="300ms", placeholder="Name or recipe",
            bind="query-params", on_change=first_page, width=260,
        )  # fmt: skip
        model = st.selectbox(
            "Model", models, index=None, key="runs_model", placeholder="All models", bind="query-params", width=220,
            on_change=first_page,
        )  # fmt: skip
        names = [name for name, _ in LOOKS.values()]
        chosen = st.pills(
            "Status", names, selection_mode="multi", key="runs_status", bind="query-params", on_change=first_page
        )
    statuses = [status for status, (name, _) in LOOKS.items() if name in chosen]
    return {"search": search or "", "model": model, "statuses": statuses or None}


def table(runs: Sequence[Run]) -> list[Run]:
    """Draw the runs; the ones that are ticked come back. A new key forgets the ticks once rows have moved."""
    number = st.column_config.NumberColumn
    event = st.dataframe(
        frame(runs),
        hide_index=True,
        key=f"runs_table_{st.session_state.get('runs_ticks', 0)}",
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="",
        alt="Runs, newest first, with status, accuracy, size and latency",
        column_config={
            "Status": st.column_config.MultiselectColumn(
                options=[name for name, _ in LOOKS.values()], color=[color for _, color in LOOKS.values()], width=110
            ),
            "Run": st.column_config.TextColumn(width=300),
            "Accuracy": number(format="%.2f %%"),
            "Size": number(format="bytes"),
            "Latency": number(format="%.3f ms"),
            "Made": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            "Took": number(format="%.1f s"),
        },
    )
    return [runs[row] for row in event.selection.rows if row < len(runs)]


def page_of(store: Store, wanted: dict, pages: int) -> list[Run]:
    """The runs of the open page. Its number is chosen below the table, so it is read from there before it is drawn."""
    page = min(int(st.session_state.get("runs_page", 1)), pages)
    return store.list(limit=PAGE, offset=PAGE * (page - 1), **wanted)


def pages_of(total: int) -> int:
    """How many pages so many runs fill; at least one."""
    return max(1, -(-total // PAGE))


def turn_pages(pages: int) -> None:
    """The numbers of the pages, where there is more than one."""
    if pages > 1:
        st.pagination(pages, key="runs_page", on_change=forget_ticks)


def forget_ticks() -> None:
    """Rows have moved: nothing is ticked any more."""
    st.session_state.runs_ticks = st.session_state.get("runs_ticks", 0) + 1


def first_page() -> None:
    """Go back to the newest runs; what a filter shows starts there."""
    st.session_state.runs_page = 1
    forget_ticks()


def _value(run: Run, metric: str) -> float | None:
    found = run.measurements.get(metric)
    return None if found is None else found.value


def _percent(found: Measurement | None) -> float | None:
    return None if found is None else 100 * found.value


def _speed(run: Run) -> str:
    if run.comparison is None:
        return "the original" if run.is_baseline and run.status is Status.DONE else ""
    size = words.times(run.comparison.size_ratio, "smaller", "larger")
    if run.comparison.speed == "tie":
        return f"{size}, same speed"
    return f"{size}, {words.times(run.comparison.latency_ratio.value, 'faster', 'slower')}"
