"""The parts of the Workbench that show what was measured, in the order in which they stand on the page."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.measurement import QUALITIES, quality
from edgekit.core.run import Status
from edgekit.data.catalog import entry
from edgekit.devices.catalog import devices
from edgekit.models.about import About
from edgekit.show import charts as draw_charts
from edgekit.show import points as chart_points
from edgekit.show.charts import Point
from edgekit.store.store import Store
from edgekit.ui import (
    actions,
    advice_cards,
    calibration,
    fusion_levels,
    gallery,
    headline,
    jobs_view,
    layer_table,
    live,
    look,
    recovery,
    roc,
    selected,
    sliders,
    state,
    step_charts,
    whole_way,
)
from edgekit.ui.chart_clicks import clickable
from edgekit.ui.header import Choice
from edgekit.ui.look import View


def job(choice: Choice, store: Store, grown: Callable[[], object] = lambda: None) -> None:
    """The long job that this tab watches, with its Cancel; points that it makes appear as they come.

    Args:
        grown: what else the page shows of the job's work: it is drawn anew whenever this answers otherwise.
    """
    watched = state.job()
    if watched is None:
        return
    if live.job_is_lost(watched):
        st.info(
            "This job is no longer known: the server was started again since. What it had finished is under Runs.",
            icon=":material/power_off:",
        )
        state.watch(None)
        return

    def finished() -> tuple[int, object]:
        return store.count(model=choice.model, statuses=[Status.DONE]), grown()

    before = finished()
    jobs_view.job_panel(
        watched,
        on_end=live.done,
        changed=lambda: finished() != before,
        beside=lambda job: recovery.draw_live(job, store),
    )


def headline_cards(view: View, budget: Budget, card: About) -> None:
    """Before → after; before the first measurement, nothing. Of a network that was never trained, costs alone."""
    if card.shape_only:
        st.info(
            "Only the shape of this network is here, with random weights: for size, memory and latency.",
            icon=":material/casino:",
        )
    if view.run is not None:
        headline.draw(view.run, budget, card)


def charts(view: View, budget: Budget, ghost: Point | None, card: About) -> None:
    """The two Pareto charts side by side. A click on a point selects its run in both.

    Where inputs are random, how often answers agree says little, so the charts show what a file costs.
    """
    if not view.points and ghost is None:
        with st.container(border=True, key="no_points"):
            st.markdown("**The first point is on its way.** The network itself is measured first: the star.")
        return
    good = next((point.quality.metric for point in view.points if point.quality), QUALITIES[0])
    shown = draw_charts.COSTS_ALONE if entry(card.data).synthetic else draw_charts.WITH_QUALITY
    for place, (metric, upright) in zip(st.columns(2, gap="medium"), shown, strict=True):
        with place:
            title = draw_charts.title(metric, upright, good)
            st.markdown(f"**{title}**")
            chosen = view.run.id if view.run else None
            figure = draw_charts.pareto(
                view.points,
                metric,
                budget=budget,
                upright=upright,
                selected=chosen,
                ghost=ghost,
                boards=chart_points.on_boards(view.run) if view.run else [],
            )
            _clickable(figure, f"chart-{metric}", f"{title} of {len(view.points)} measured files")


def chart_elsewhere(view: View, budget: Budget, store: Store) -> None:
    """Where the budget names a device: the same files by what they would take there, hollow where that is estimated."""
    limit, good = budget.there, quality(view.run.measurements) if view.run else None
    if limit is None or good is None:
        return
    name = devices()[limit.device].name
    with st.spinner("Working out every layer", show_time=False):
        points = look.elsewhere(view, limit, store)
    title = f"{draw_charts.title(limit.metric, draw_charts.QUALITY, good.metric)} on {name}"
    st.markdown(f"**{title}**")
    if not points:
        st.info(f"What these files would take on {name} cannot be told.", icon=":material/info:")
        return
    figure = draw_charts.pareto(
        points, limit.metric, budget=budget.model_copy(update={limit.metric: limit.worst}), selected=view.run.id
    )
    figure.update_xaxes(title=f"Latency on {name} (ms)")
    _clickable(figure, "chart-elsewhere", f"{title} of {len(points)} files")
    st.caption("Hollow marks are estimates with the band that holds 80 % of known networks; solid ones were measured.")


def _clickable(figure: go.Figure, name: str, alt: str) -> None:
    """A chart on which a click selects a run."""
    clickable(figure, name, lambda customdata: state.select(customdata[0]), draw_charts.CONFIG, alt)


def explore(choice: Choice, store: Store) -> None:
    """A button that fills the charts in the background."""
    recipes = sliders.explored()
    st.button(
        f"Explore {len(recipes)} recipes", icon=":material/scatter_plot:", key="explore", width="stretch",
        disabled=jobs_view.active(state.job()), on_click=_explore, args=(choice, store),
        help="Measures widths, prunings and both at once, without training, while you go on working.",
    )  # fmt: skip


def details(view: View, budget: Budget, card: About, store: Store) -> None:
    """Everything about the selected run."""
    run = view.run
    if run is None:
        return
    selected.draw(run, card, store, budget)
    titles = [
        "What to try next",
        "Changed answers",
        "Layers",
        "Training",
        "Each step",
        "Fusion",
        "Whole way",
        "Calibration",
    ]
    drawn = [
        lambda: advice_cards.draw(run, view.baseline, budget, store),
        lambda: gallery.draw(run),
        lambda: layer_table.draw(run, view.baseline),
        lambda: recovery.draw(run),
        lambda: step_charts.draw(run, store),
        lambda: fusion_levels.draw(run, store),
        lambda: whole_way.draw(run, store),
        lambda: calibration.draw(run, store),
    ]
    if entry(card.data).task == "verification":
        titles.append("Same or not")
        drawn.append(lambda: roc.draw(run, store))
    tabs = st.tabs(titles, key="about", on_change="rerun")
    for tab, draw in zip(tabs, drawn, strict=True):
        if tab.open:
            with tab:
                draw()


def _explore(choice: Choice, store: Store) -> None:
    recipes = sliders.explored()
    state.watch(actions.explore(choice.model, recipes, choice.samples, store, state.session()).id)
