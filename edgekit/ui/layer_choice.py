"""Choosing for single layers: by a click on the map or in a table, and what becomes of the choice."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from edgekit.core.measurement import METRICS
from edgekit.search.layer_choices import AXES, Axis, Steps, recipe
from edgekit.search.layer_sensitivity import LayerTable
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, controls, jobs_view, layer_map, recipe_editor, state
from edgekit.ui.actions import Wish
from edgekit.ui.chart_clicks import clickable
from edgekit.ui.header import Choice

LAYER, WEIGHTS = "Layer", "Share of weights"


def draw(table: LayerTable, axis: Axis, choice: Choice, store: Store) -> None:
    """The map, the same as a table, and what was chosen."""
    if axis.id in table.without:
        st.info(table.without[axis.id], icon=":material/block:")
    if axis.id in table.cells:
        st.caption(
            f"{axis.title}: points of {_in_a_sentence(METRICS[table.metric].title)} lost with one layer alone, of "
            f"{words.percent(table.quality)} on {table.samples:,} validation samples. “=” would change nothing."
        )
        draw_map(table, axis)
        draw_fill(table, axis)
    with st.expander("Choose in a table", icon=":material/table_rows:"):
        draw_table(table)
    draw_recipe(table, choice, store)


def draw_map(table: LayerTable, axis: Axis) -> None:
    """The map of one axis; a click chooses, and a click on what is chosen takes it back."""
    figure = layer_map.figure(table, axis, state.layer_choices().get(axis.id, {}))
    alt = f"Points lost with one layer compressed alone. {axis.title}. The table below says the same."
    clickable(figure, "layer_map", lambda cell: _clicked(*cell, table, axis), layer_map.CONFIG, alt)


def draw_fill(table: LayerTable, axis: Axis) -> None:
    """A button that chooses for every layer: as far as it can go alone."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        most = st.number_input(
            "Points lost, at most, by each layer", 0.0, 100.0, 0.5, step=0.1, format="%g", key="layer_most", width=240
        )
        st.button(
            "Choose for every layer", icon=":material/select_all:", key="layers_fill", on_click=_fill,
            args=(table, axis, most / 100), help="The harshest value that loses no more than this, alone.",
        )  # fmt: skip


def farthest(table: LayerTable, axis: Axis, most: float) -> dict[str, float]:
    """Layer -> the last value, from mild to harsh, up to which no more than this fraction is lost."""
    found: dict[str, float] = {}
    for layer, row in table.cells.get(axis.id, {}).items():
        for value, cell in zip(axis.values, row, strict=True):
            if cell is None:
                continue
            if cell.lost > most:
                break
            found[layer] = value
    return found


def draw_table(table: LayerTable) -> None:
    """The same choice as a table, for keyboards and phones."""
    key = f"layer-table-{_turn()}"
    shown = {axis.id: axis for axis in AXES.values() if axis.id not in table.without}
    columns: dict[str, Any] = {
        axis.heading: st.column_config.SelectboxColumn(
            options=list(axis.values), format_func=axis.text, help=axis.title, width="small"
        )
        for axis in shown.values()
    }
    columns[LAYER] = st.column_config.TextColumn(disabled=True, pinned=True)
    columns[WEIGHTS] = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    st.data_editor(
        frame(table, _chosen(table), shown.values()), key=key, hide_index=True, column_config=columns,
        num_rows="fixed", on_change=lambda: _edited(key, table),
    )  # fmt: skip


def frame(table: LayerTable, chosen: Mapping[str, Mapping[str, float]], axes: Any) -> pd.DataFrame:
    """One row a layer with what was chosen for it."""
    whole = sum(table.layers.values())
    columns: dict[str, Any] = {
        LAYER: list(table.layers),
        WEIGHTS: [count / whole for count in table.layers.values()],
    }
    for axis in axes:
        values = [chosen.get(axis.id, {}).get(layer) for layer in table.layers]
        columns[axis.heading] = pd.array(values, dtype="Float64" if axis.percent else "Int64")
    return pd.DataFrame(columns)


def put(table: LayerTable, axis: str, layer: str, value: float | None) -> None:
    """Choose a value for a layer and those that must go with it; None takes the choice back."""
    chosen = _chosen(table)
    own = chosen.setdefault(axis, {})
    for name in table.together(axis, layer):
        if value is None:
            own.pop(name, None)
        else:
            own[name] = value
    state.choose_for_layers(chosen)
    st.session_state["layer_turn"] = _turn() + 1


def draw_recipe(table: LayerTable, choice: Choice, store: Store) -> None:
    """What was chosen, what it costs if losses add up, and what to do with it."""
    chosen = _chosen(table)
    integers = st.toggle(
        "Integers throughout", key="layer_integers", bind="query-params",
        help="8-bit activations, and 8 bits for the weights of layers without a choice: faster, not only smaller.",
    )  # fmt: skip
    steps = recipe(chosen, list(table.layers), integers)
    if not steps:
        st.caption("Click a cell to give that layer this value. Click it again to take it back.")
        return
    st.markdown(summary(table, chosen) if any(chosen.values()) else "All layers get 8 bits.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            ":primary[**Compress this**]", icon=":material/compress:", key="layers_compress",
            on_click=_compress, args=(choice, steps, store), disabled=jobs_view.active(state.job()),
        )  # fmt: skip
        if st.button("Take to the Workbench", icon=":material/tune:", key="layers_take"):
            st.session_state["edit"] = controls.RECIPE
            recipe_editor.replace(steps)
            address = {"model": choice.model, "recipe": json.dumps(steps, separators=(",", ":"))}
            st.switch_page("pages/workbench.py", query_params=address)
        st.button("Clear", icon=":material/backspace:", key="layers_clear", on_click=_clear)


def summary(table: LayerTable, chosen: Mapping[str, Mapping[str, float]]) -> str:
    """How many choices there are, and what they lose if each loses what it does alone."""
    lost, seen, unknown = 0.0, 0, 0
    for axis, own in chosen.items():
        for layer, value in own.items():
            if layer != table.together(axis, layer)[0]:
                continue
            cell = table.cell(axis, layer, value)
            seen, unknown = seen + 1, unknown + (cell is None)
            lost += cell.lost if cell else 0.0
    layers = {layer for own in chosen.values() for layer in own}
    text = f"**{len(layers)} of {len(table.layers)} layers** are compressed in a way of their own."
    if seen > unknown:
        text += f" If losses simply add up, {layer_map.points(lost)} are lost."
    return text


def measure(table: LayerTable | None, axis: Axis, choice: Choice, store: Store) -> None:
    """Buttons that measure what is not known yet."""
    known = table is not None and axis.id in table.cells
    left = [one.id for one in AXES.values() if table is None or not table.has(one.id)]
    if axis.id not in left:
        return
    if not known:
        st.caption(
            "Compresses one layer at a time, each by every value, and scores what comes of it on validation samples. "
            "Every row is kept as it is done."
        )
    with st.container(horizontal=True, gap="small"):
        names = {"Go on measuring" if known else f"Measure {axis.title.lower()}": [axis.id], "Measure everything": left}
        for number, (name, axes) in enumerate(names.items()):
            st.button(
                name, icon=":material/speed:", key=f"measure_layers_{number}", on_click=_measure,
                args=(choice, axes, store), disabled=jobs_view.active(state.job()),
            )  # fmt: skip


def _chosen(table: LayerTable) -> dict[str, dict[str, float]]:
    """What was chosen for layers that this model has."""
    return {
        axis: {layer: value for layer, value in own.items() if layer in table.layers}
        for axis, own in state.layer_choices().items()
    }


def _in_a_sentence(title: str) -> str:
    """ "Accuracy" as "accuracy", and "BLEU" as it is."""
    return title[0].lower() + title[1:] if title[1].islower() else title


def _turn() -> int:
    return st.session_state.get("layer_turn", 0)


def _clicked(layer: str, value: float, table: LayerTable, axis: Axis) -> None:
    is_chosen = state.layer_choices().get(axis.id, {}).get(layer) == value
    put(table, axis.id, layer, None if is_chosen else value)


def _edited(key: str, table: LayerTable) -> None:
    names, by_heading = list(table.layers), {axis.heading: axis for axis in AXES.values()}
    for row, cells in st.session_state[key]["edited_rows"].items():
        for heading, value in cells.items():
            put(table, by_heading[heading].id, names[int(row)], value)


def _fill(table: LayerTable, axis: Axis, most: float) -> None:
    state.choose_for_layers(_chosen(table) | {axis.id: farthest(table, axis, most)})
    st.session_state["layer_turn"] = _turn() + 1


def _compress(choice: Choice, steps: Steps, store: Store) -> None:
    state.watch(actions.compress(Wish(choice.model, steps, choice.samples), store, state.session()).id)


def _measure(choice: Choice, axes: list[str], store: Store) -> None:
    state.watch(actions.measure_layers(choice.model, choice.card.title, axes, store, state.session()).id)


def _clear() -> None:
    state.choose_for_layers({})
    st.session_state["layer_turn"] = _turn() + 1
