"""A search while it is at work, and as it was left: the frontier so far, what it covers, and Pause, Resume, Stop."""

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.host import this_host
from edgekit.core.measurement import QUALITIES
from edgekit.jobs.jobs import jobs
from edgekit.search.autopilot.kept import Search, load
from edgekit.search.limits import Wish
from edgekit.show import charts, words
from edgekit.show import points as chart_points
from edgekit.show.charts import Point
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state
from edgekit.ui.guard import guarded
from edgekit.ui.header import Choice

LOOK_EVERY = 1.0  # seconds
COVERED_HEIGHT = 160
EVERYTHING = Budget(size_bytes=1e18, latency_ms=1e12, accuracy_drop=100.0)  # what no point lies outside of
STATES = {
    "running": ":blue-badge[:material/progress_activity: At work]",
    "paused": ":orange-badge[:material/pause: Paused]",
    "interrupted": ":orange-badge[:material/power_off: Interrupted: its process was ended]",
    "stopped": ":gray-badge[:material/stop: Stopped]",
    "done": ":green-badge[:material/check: Done]",
    "failed": ":red-badge[:material/error: Failed]",
}


def draw(kept: Search, choice: Choice, store: Store) -> None:
    """The search, drawn anew every second while it is at work."""
    at_work = _at_work(kept)

    @st.fragment(run_every=LOOK_EVERY if at_work else None)
    def panel() -> None:
        state.settle()
        with guarded():
            now = load(kept.id, store)
            if at_work and not _at_work(now):
                st.rerun()
            _head(now, choice, store)
            _charts(now, store)

    panel()


def _at_work(kept: Search) -> bool:
    job = jobs().get(state.job()) if state.job() else None
    return kept.status == "running" or (job is not None and job.active and job.title.startswith("Searching"))


def _head(kept: Search, choice: Choice, store: Store) -> None:
    """How it stands, what it is doing, and the buttons."""
    points = sum(tried.whole and bool(tried.run) for tried in kept.tried)
    counts = f"{kept.looks} looks, {points} points, {words.duration(kept.spent)} at work"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="search_head"):
        st.markdown(f"{STATES[kept.status]} {', '.join(kept.limits)} · {counts}")
        if _at_work(kept):
            for what, icon in (("pause", ":material/pause:"), ("stop", ":material/stop:")):
                st.button(
                    what.capitalize(), icon=icon, key=f"{what}_search", on_click=_ask, args=(kept.id, what, store)
                )
        elif kept.status in ("paused", "interrupted", "failed"):
            st.button(
                "Resume", icon=":material/play_arrow:", key="resume_search", disabled=jobs_view.active(state.job()),
                on_click=_resume, args=(kept, choice, store),
            )  # fmt: skip
    if kept.error:
        st.error(kept.error, icon=":material/error:")
    job = jobs().get(state.job()) if state.job() else None
    if _at_work(kept):
        share = min(1.0, kept.spent / (60 * kept.minutes))
        left = f" · {words.duration(kept.seconds_left)} left at most"
        waiting = job is not None and bool(job.place)
        doing = "waiting for another job" if waiting else (job.what if job else "") or "starting"
        st.progress(share, f"{doing}{left}")


def _charts(kept: Search, store: Store) -> None:
    """What was measured in full, on validation samples."""
    points = _points(kept, store)
    if not points:
        return
    good = next((point.quality.metric for point in points if point.quality), QUALITIES[0])
    budget = _budget(kept, points)
    for place, (metric, upright) in zip(st.columns(2, gap="medium"), charts.WITH_QUALITY, strict=True):
        with place:
            title = charts.title(metric, upright, good, " on validation samples")
            st.markdown(f"**{title}**")
            figure = charts.pareto(points, metric, budget=budget, selected=kept.winner or None)
            st.plotly_chart(figure, key=f"search-{metric}", config=charts.CONFIG, alt=f"{title} of {len(points)} files")
    if len(kept.covered) > 1:
        st.markdown("**Hypervolume**: the share of the box between the original and an ideal file that is covered")
        st.plotly_chart(_covered(kept), key="covered", config=charts.CONFIG, alt="Hypervolume by time")


def _points(kept: Search, store: Store) -> list[Point]:
    ids = {tried.run for tried in kept.tried if tried.whole}
    found = store.summaries(kept.model, split="validation", limit=chart_points.MOST)
    return chart_points.points([one for one in found if one.id in ids], this_host().id)


def _budget(kept: Search, points: list[Point]) -> Budget:
    """The limits that the charts can shade."""
    original = next((point for point in points if not point.recipe), None)
    before = original.measurements if original else {}
    limits = [Wish.parse(text).limit(before) for text in kept.limits]
    worst = {limit.key: limit.worst for limit in limits if limit.worst > 0}
    good = original.quality if original else None
    drop = [100 * (good.value - worst[good.metric])] if good and good.metric in worst else []
    return Budget(
        size_bytes=worst.get("size_bytes", EVERYTHING.size_bytes),
        latency_ms=worst.get("latency_ms", EVERYTHING.latency_ms),
        accuracy_drop=round(max(0.0, drop[0]), 6) if drop else EVERYTHING.accuracy_drop,
    )


def _covered(kept: Search) -> go.Figure:
    seconds, shares = zip(*kept.covered, strict=True)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, *seconds], y=[0, *(100 * share for share in shares)], mode="lines",
        line={"color": charts.KINDS["quantized"].colour, "width": 2, "shape": "hv"},
        hovertemplate="%{y:.1f} % after %{x:.0f} s<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title="Seconds at work", rangemode="tozero", zeroline=False)
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero", zeroline=False)
    figure.update_layout(
        height=COVERED_HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, showlegend=False
    )
    return figure


def _ask(id: str, what: str, store: Store) -> None:
    store.ask_search(id, what)
    job = jobs().get(state.job()) if state.job() else None
    if job is not None and job.place:  # it has not begun
        jobs().cancel(job.id)


def _resume(kept: Search, choice: Choice, store: Store) -> None:
    state.look_at_search(kept.id)
    state.watch(actions.search(kept.id, choice.card.title, store, state.session()).id)
