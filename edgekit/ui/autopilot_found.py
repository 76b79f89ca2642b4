"""What a search found: the best recipe with both of its qualities, the nearest misses, and the whole frontier."""

import streamlit as st
import yaml

from edgekit.core.measurement import METRICS, QUALITIES, quality
from edgekit.core.run import Run
from edgekit.search.autopilot.kept import Search
from edgekit.search.autopilot.result import Result, result
from edgekit.search.autopilot.seen import Seen
from edgekit.search.limits import known, parse_all
from edgekit.show import words
from edgekit.show.naming import command, sentence
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.ui import selected
from edgekit.ui.header import Choice

ENDED = ("done", "stopped", "paused", "interrupted", "failed")


def draw(kept: Search, choice: Choice, store: Store) -> None:
    """Nothing while it is at work: then the charts tell."""
    if kept.status not in ENDED or not kept.tried:
        return
    found = result(kept, store)
    if found.winner is None:
        st.info(
            "No recipe that was tried holds every limit. Below are those that miss the least.", icon=":material/info:"
        )
    else:
        _winner(found, choice, store)
    if found.nearest:
        st.markdown("**Nearest misses**")
        st.table(
            {"Recipe": [_name(one) for one in found.nearest], "What it misses": [_misses(one) for one in found.nearest]}
        )
    _frontier(found)
    if failed := [tried for tried in kept.tried if tried.error]:
        with st.expander(f"{len(failed)} recipe{'s'[: len(failed) > 1]} could not be measured"):
            st.table(
                {"Recipe": [words.recipe(spelled(one.steps)) for one in failed], "Why": [one.error for one in failed]}
            )


def _winner(found: Result, choice: Choice, store: Store) -> None:
    confirmed = found.confirmed
    with st.container(border=True, key="winner"):
        st.markdown(f"**Best: {_name(found.winner)}**")
        st.table(_numbers(found))
        if confirmed is None:
            st.caption("Its score on the test set follows when the search ends.")
            return
        for miss in found.missed_in_test:
            st.warning(f"On the test set it misses a limit: {miss.text}.", icon=":material/warning:")
        with st.container(horizontal=True, gap="small"):
            selected.download(confirmed, store, "download_winner")
            st.page_link(
                "pages/workbench.py", label="Apply to the Workbench", icon=":material/tune:",
                query_params={"model": choice.model, "run": confirmed.id},
            )  # fmt: skip
        st.code(yaml.safe_dump(spelled(found.winner.steps), sort_keys=False, default_flow_style=None), language=None)
        st.markdown(f":small[From the command line:] `{command(confirmed)}`")


def _numbers(found: Result) -> dict[str, list[str]]:
    """Every limit with what was measured where the recipe was chosen, and on the test set."""
    chosen, confirmed = found.chosen, found.confirmed
    before = chosen.baseline_measurements or chosen.measurements
    wishes = parse_all(found.search.limits)
    there = [wish.limit(before) for wish in wishes if wish.device]
    asked = {metric: [] for metric in (quality(before).metric, "size_bytes", "latency_ms")}
    for wish in wishes:
        asked.setdefault(wish.limit(before).key, []).append(str(wish))
    titles = {limit.key: f"{limit.title}, estimated" for limit in there}
    chosen, confirmed = (
        run and run.model_copy(update={"measurements": known(run, wishes)}) for run in (chosen, confirmed)
    )
    return {
        "": [titles.get(metric) or METRICS[metric].title for metric in asked],
        "Limit": [", ".join(limits) or "–" for limits in asked.values()],
        "On validation samples": [_value(chosen, metric) for metric in asked],
        "On the test set": [_value(confirmed, metric) for metric in asked],
    }


def _value(run: Run | None, metric: str) -> str:
    if run is None:
        return "–"
    value, before = run.measurements.get(metric), run.baseline_measurements.get(metric)
    if value is None or before is None or run.comparison is None:
        return words.measured(value)
    if metric in QUALITIES:
        return f"{words.measured(value)} ({words.points(run.comparison.accuracy_difference.value, 2)})"
    return f"{words.measured(value)} ({words.significant(value.value / before.value)} ×)"


def _frontier(found: Result) -> None:
    with st.expander(f"Frontier: {len(found.frontier)} of {len(found.points)} points"):
        st.dataframe(
            {
                "Recipe": [_name(one) for one in found.frontier],
                "Quality (points)": [round(100 * one.gain.value, 2) for one in found.frontier],
                "Size (×)": [round(one.size, 3) for one in found.frontier],
                "Latency (×)": [None if one.latency is None else round(one.latency, 2) for one in found.frontier],
            },
            hide_index=True,
        )


def _name(one: Seen) -> str:
    return sentence(words.recipe(spelled(one.steps)))


def _misses(one: Seen) -> str:
    return "; ".join(miss.text for miss in one.missed)
