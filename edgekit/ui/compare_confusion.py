"""Confusion matrices side by side on one colour scale: which classes each run takes for which others."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from edgekit.core.measurement import quality
from edgekit.show import words
from edgekit.ui.compare_pick import Contender

WRONG, AGAINST_FIRST = "Wrong answers", "Change against A"
# Colours that fade into the page, whatever it is, so that both themes show no error as no colour.
MORE = "rgba(217, 83, 13, {})"
FEWER = "rgba(18, 145, 90, {})"


def confusions(everyone: Sequence[Contender], classes: Sequence[str]) -> None:
    """A choice between the errors and their change, and a matrix a run."""
    known = [one for one in everyone if one.run.confusion]
    if not known:
        st.caption("These runs keep no confusion matrix.")
        return
    view = WRONG
    if len(known) > 1:
        view = st.segmented_control(
            "What the colours show", [WRONG, AGAINST_FIRST], default=WRONG, required=True, key="compare_confusion"
        )
    shares = {one.letter: share(one.run.confusion) for one in known}
    first = shares[known[0].letter]
    shown = known if view == WRONG else known[1:]
    tables = [shares[one.letter] - (0 if view == WRONG else first) for one in shown]
    most = max(float(np.abs(_off_diagonal(table)).max()) for table in tables) or 1.0
    with st.grid(3, min_column_width=300, gap="medium"):
        for one, table in zip(shown, tables, strict=True):
            with st.container(gap="xsmall"):
                st.markdown(f"{one.mark} {words.measured(quality(one.run.measurements))} right")
                st.plotly_chart(
                    matrix(table, classes, most, view), key=f"confusion-{one.letter}", config={"displayModeBar": False},
                    alt=f"Confusion matrix of run {one.letter}",
                )  # fmt: skip
    st.caption(
        "Rows are the true classes, columns the answers; a cell is a share of its row. The diagonal holds the right "
        "answers, in numbers, and has no colour."
    )


def share(confusion: Sequence[Sequence[int]]) -> np.ndarray:
    """Counts to shares of each true class: (classes, classes), rows sum to 1."""
    counts = np.asarray(confusion, float)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def matrix(table: np.ndarray, classes: Sequence[str], most: float, view: str) -> go.Figure:
    """One matrix; `most` is where the colour is full, the same for all of them."""
    signed = view == AGAINST_FIRST
    text = words.points if signed else words.percent
    figure = go.Figure()
    figure.add_heatmap(
        z=np.where(np.eye(len(table), dtype=bool), np.nan, table), x=list(classes), y=list(classes), showscale=False,
        zmin=-most if signed else 0, zmax=most, xgap=1, ygap=1, hoverongaps=False,
        colorscale=[[0, FEWER.format(1)], [0.5, MORE.format(0)], [1, MORE.format(1)]] if signed
        else [[0, MORE.format(0)], [1, MORE.format(1)]],
        text=[[text(float(cell)) for cell in row] for row in table],
        hovertemplate="%{y}, answered %{x}: %{text}<extra></extra>",
    )  # fmt: skip
    for place, name in enumerate(classes):
        label = text(float(table[place, place]), 0).split(" ")[0]
        figure.add_annotation(x=name, y=name, text=label, showarrow=False, font={"size": 11})
    figure.update_xaxes(tickangle=-45, showgrid=False, zeroline=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)
    figure.update_layout(height=330, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False)
    return figure


def _off_diagonal(table: np.ndarray) -> np.ndarray:
    return table[~np.eye(len(table), dtype=bool)]
