"""The map of what each layer can bear, which is also the control: a click on a cell gives that layer this value.

Cells are bars of width 1 that lie side by side, since a bar can be clicked and a plotly heat map cannot. Colours go
from light to dark as more is lost, for people who see few of them; the number stands in the cell.
"""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from edgekit.search.layer_choices import Axis
from edgekit.search.layer_sensitivity import Cell, LayerTable
from edgekit.show import words

ROW, HEAD = 30, 44  # pixels
GAP = 0.03  # of a cell's width
STEPS = [  # points lost, at most; colour of the cell, colour of the number in it
    (0.25, "#E6F2EE", "#0D1620"),
    (1.0, "#F6E7B0", "#0D1620"),
    (3.0, "#F3BE6B", "#0D1620"),
    (10.0, "#D9730D", "#0D1620"),
    (float("inf"), "#8C1D0F", "#FFFFFF"),
]
NOTHING = ("rgba(120, 130, 145, 0.12)", "#7A8594")  # where nothing would change
CHOSEN = "#2F7DE1"
CONFIG = {"displayModeBar": False, "scrollZoom": False}


def figure(table: LayerTable, axis: Axis, chosen: Mapping[str, float]) -> go.Figure:
    """Rows are layers, columns values from mild to harsh; what is chosen has a frame. customdata: [layer, value]."""
    rows = {layer: row for layer in table.layers if (row := table.cells.get(axis.id, {}).get(layer))}
    cells = [(layer, column, cell) for layer, row in rows.items() for column, cell in enumerate(row)]
    places = {value: column for column, value in enumerate(axis.values)}
    framed = [(layer, places[value]) for layer, value in chosen.items() if layer in rows and value in places]
    drawn = go.Figure()
    _bars(
        drawn, [(layer, column) for layer, column, _ in cells], axis,
        marker={"color": [look(cell)[0] for *_, cell in cells]},
        text=[lost_in_words(cell) for *_, cell in cells],
        textfont={"color": [look(cell)[1] for *_, cell in cells], "size": 12},
        hovertext=[hover(table, axis, layer, axis.values[column]) for layer, column, _ in cells],
    )  # fmt: skip
    _bars(
        drawn, framed, axis,
        marker={"color": "rgba(0, 0, 0, 0)", "line": {"color": CHOSEN, "width": 4}},
        hovertext=[hover(table, axis, layer, axis.values[column]) for layer, column in framed],
    )  # fmt: skip
    drawn.update_xaxes(
        side="top", range=[0, len(axis.values)], tickvals=[column + 0.5 for column in places.values()],
        ticktext=[axis.text(value).replace(" bits", "") for value in axis.values], showgrid=False, zeroline=False,
        fixedrange=True, tickangle=0,
    )  # fmt: skip
    drawn.update_yaxes(
        categoryorder="array", categoryarray=list(rows)[::-1], range=[-0.5, len(rows) - 0.5], showgrid=False,
        fixedrange=True, ticklabelstandoff=6,
    )  # fmt: skip
    drawn.update_layout(
        height=HEAD + ROW * len(rows), barmode="overlay", bargap=2 * GAP, dragmode=False, showlegend=False,
        margin={"l": 8, "r": 8, "t": 28, "b": 8}, uniformtext={"minsize": 9, "mode": "hide"},
        hoverlabel={"align": "left"},
    )  # fmt: skip
    return drawn


def look(cell: Cell | None) -> tuple[str, str]:
    """The colours of a cell and of the number in it."""
    if cell is None:
        return NOTHING
    return next((colour, number) for most, colour, number in STEPS if 100 * cell.lost <= most)


def lost_in_words(cell: Cell | None) -> str:
    """Points lost, "0.4"; "=" where nothing would change; below zero where some are gained."""
    if cell is None:
        return "="
    return f"{round(100 * cell.lost, 1) + 0.0:.1f}".replace("-", words.MINUS)


def hover(table: LayerTable, axis: Axis, layer: str, value: float) -> str:
    """What is known of a cell."""
    cell, whole = table.cell(axis.id, layer, value), sum(table.layers.values())
    together = table.together(axis.id, layer)
    lines = [f"<b>{' and '.join(together)}</b>", f"{axis.title}: {axis.text(value)}"]
    if cell is None:
        lines.append("Nothing would change.")
    else:
        lines.append(f"Lost alone: {points(cell.lost)} (95 %: {points(cell.low)} to {points(cell.high)})")
    share = sum(table.layers.get(name, 0) for name in together) / whole
    return "<br>".join([*lines, f"Holds {words.percent(share)} of all weights"])


def points(lost: float) -> str:
    """A loss in points, "0.4 points"; a gain has a minus."""
    return f"{100 * lost:.1f} points".replace("-", words.MINUS)


def _bars(drawn: go.Figure, places: Sequence[tuple[str, int]], axis: Axis, **look: object) -> None:
    drawn.add_bar(
        y=[layer for layer, _ in places], x=[1 - 2 * GAP] * len(places), base=[column + GAP for _, column in places],
        orientation="h", customdata=[[layer, axis.values[column]] for layer, column in places],
        textposition="inside", insidetextanchor="middle", textangle=0, constraintext="none",
        hovertemplate="%{hovertext}<extra></extra>", unselected={"marker": {"opacity": 1}}, **look,
    )  # fmt: skip
