"""All numbers of the compared runs with their intervals: as charts of the three that matter most, and as one table."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.measurement import METRICS, QUALITIES, Measurement
from edgekit.core.run import Run
from edgekit.show import words
from edgekit.ui.compare_pick import Contender

SHOWN = (*QUALITIES, "size_bytes", "latency_ms")


def numbers(everyone: Sequence[Contender]) -> None:
    """Three charts, then the table."""
    with st.grid(3, min_column_width=280, gap="medium"):
        for metric in (name for name in SHOWN if any(name in one.run.measurements for one in everyone)):
            with st.container(gap="xsmall"):
                st.markdown(f"**{METRICS[metric].title}**")
                st.plotly_chart(
                    intervals(everyone, metric), key=f"compare-{metric}", config={"displayModeBar": False},
                    alt=f"{METRICS[metric].title} of the runs, with 95 % intervals",
                )  # fmt: skip
    if len({one.run.machine.get("id") for one in everyone}) > 1:
        st.warning("These runs were timed on different machines: their latencies cannot be compared with each other.")
    st.table(table(everyone), border="horizontal", alt="All numbers of the compared runs")
    st.caption(
        "In brackets: 95 % intervals. Bold: the best, and all that cannot be told from it. Latency in ms depends on "
        "the minute it was taken in; speed against the original was timed in turns with it, so compare runs by that."
    )


def intervals(everyone: Sequence[Contender], metric: str) -> go.Figure:
    """A dot with its interval for each run that has this metric, A on top."""
    known = [one for one in everyone if metric in one.run.measurements]
    figure = go.Figure()
    for one in known:
        found = one.run.measurements[metric]
        scale = 100 if METRICS[metric].unit == "fraction" else 1
        figure.add_scatter(
            x=[found.value * scale], y=[one.letter], mode="markers+text", showlegend=False,
            text=[words.measured(found)], textposition="top center", cliponaxis=False,
            marker={"color": one.colour, "size": 11}, customdata=[[one.name, words.interval(found)]],
            hovertemplate="<b>%{customdata[0]}</b><br>%{text}<br>%{customdata[1]}<extra></extra>",
            error_x={
                "array": [(found.high - found.value) * scale], "arrayminus": [(found.value - found.low) * scale],
                "color": one.colour, "thickness": 1.5, "width": 5,
            },
        )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=[one.letter for one in reversed(known)], title=None)
    low, high = _range(known, metric)
    ticks = _ticks(low, high)
    values = [tick / 100 for tick in ticks] if metric in QUALITIES else ticks
    texts = [words.percent(tick) if metric in QUALITIES else words.number(metric, tick) for tick in values]
    figure.update_xaxes(range=[low, high], tickvals=ticks, ticktext=texts, zeroline=False)
    figure.update_layout(height=60 + 46 * len(known), margin={"l": 8, "r": 8, "t": 14, "b": 8}, dragmode=False)
    return figure


def table(everyone: Sequence[Contender]) -> dict[str, list[str]]:
    """Columns of Markdown: the names of the rows, then one column a run."""
    metrics = [name for name in METRICS if any(name in one.run.measurements for one in everyone)]
    best = {name: _best([one.run.measurements.get(name) for one in everyone], name) for name in metrics}
    rows = {"Number": [METRICS[name].title for name in metrics] + list(_AGAINST)}
    for place, one in enumerate(everyone):
        cells = [_cell(one.run.measurements.get(name), place in best[name]) for name in metrics]
        rows[f"{one.mark} {_short(one)}"] = cells + [words_of(one.run) for words_of in _AGAINST.values()]
    return rows


def _short(one: Contender) -> str:
    name = one.name.split(" · ", 1)[1]
    return name if len(name) <= 40 else f"{name[:38]}…"


def _cell(found: Measurement | None, bold: bool) -> str:
    if found is None:
        return "–"
    value = f"**{words.measured(found)}**" if bold else words.measured(found)
    band = words.interval(found)
    return f"{value} :small[:gray[({band})]]" if band else value


def _best(found: Sequence[Measurement | None], metric: str) -> set[int]:
    """The places of the best value and of those whose interval overlaps its interval; none where all are alike."""
    known = {place: m for place, m in enumerate(found) if m is not None}
    more = METRICS[metric].more_is_better
    top = max(known.values(), key=lambda m: m.value if more else -m.value)
    best = {place for place, m in known.items() if m.low <= top.high and top.low <= m.high}
    return best if len(best) < len(known) else set()


def _range(known: Sequence[Contender], metric: str) -> tuple[float, float]:
    """Sizes and times start at zero, so that twice as much looks twice as much; accuracy is shown where it differs."""
    found = [one.run.measurements[metric] for one in known]
    if metric in QUALITIES:
        low, high = min((m.low for m in found), default=0.0), max((m.high for m in found), default=1.0)
        margin = max(0.004, 0.25 * (high - low))
        return 100 * (low - margin), 100 * (high + margin)
    return 0.0, 1.2 * max((m.high for m in found), default=1.0)


def _ticks(low: float, high: float) -> list[float]:
    """About four round values between two ends."""
    size = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(size))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= size)
    return [step * place for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _quality_change(run: Run) -> str:
    if run.comparison is None:
        return "–"
    change = run.comparison.accuracy_difference
    chance = "less than 0.001" if run.comparison.p_value < 0.001 else f"{run.comparison.p_value:.3f}"
    low, high = (words.points(end, 2).removesuffix(" points") for end in (change.low, change.high))
    return f"{words.points(change.value, 2)} :small[:gray[({low} to {high}; p {chance})]]"


def _size_change(run: Run) -> str:
    return "–" if run.comparison is None else words.times(run.comparison.size_ratio, "smaller", "larger")


def _speed_change(run: Run) -> str:
    if run.comparison is None:
        return "–"
    ratio = run.comparison.latency_ratio
    if run.comparison.speed == "tie":
        return f"as fast :small[:gray[({words.significant(ratio.low)} to {words.significant(ratio.high)} × the time)]]"
    ends = (ratio.low, ratio.high) if ratio.value > 1 else (1 / ratio.high, 1 / ratio.low)
    band = f"({words.significant(ends[0])} to {words.significant(ends[1])})"
    return f"{words.times(ratio.value, 'faster', 'slower')} :small[:gray[{band}]]"


def _answers_changed(run: Run) -> str:
    found = run.disagreements
    return "–" if found is None else f"{found.count:,} of {found.total:,}"


_AGAINST = {
    "How well, against the original": _quality_change,
    "Size against the original": _size_change,
    "Speed against the original": _speed_change,
    "Answers changed": _answers_changed,
}
