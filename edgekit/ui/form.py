"""Widgets made from the knobs of a technique: one form for every technique there is and every one to come."""

from typing import Any

import streamlit as st
import yaml

from edgekit.core.errors import SettingError
from edgekit.core.knobs import KnobView

MOST_BUTTONS = 4  # more choices than this go into a list
MOST_STOPS = 1000  # finer ranges than this are typed, not slid


def form(views: list[KnobView], values: dict[str, Any], key: str) -> dict[str, Any]:
    """Draw a widget for every knob; the advanced ones folded away.

    Args:
        views: from `edgekit.core.knobs.knobs(technique)`.
        values: what is set now; knobs that are not in it stand at their defaults.
        key: starts the keys of all widgets, so that two steps of one recipe do not share them.

    Returns:
        The settings that differ from their defaults.

    Raises:
        SettingError: text in a per-layer field that is no mapping.
    """
    plain = [view for view in views if not view.knob.advanced]
    advanced = [view for view in views if view.knob.advanced]
    chosen = {view.name: _widget(view, values.get(view.name, view.default), f"{key}-{view.name}") for view in plain}
    if advanced:
        with st.expander("More settings", key=f"{key}-more", type="compact"):
            for view in advanced:
                chosen[view.name] = _widget(view, values.get(view.name, view.default), f"{key}-{view.name}")
    return {view.name: chosen[view.name] for view in views if chosen[view.name] != view.default}


def label(view: KnobView) -> str:
    """The knob's name in plain words, with its unit where it has one: "round to", "sparsity (%)"."""
    name = view.name.replace("_", " ").capitalize()
    unit = "" if view.knob.unit == "share" else view.knob.unit
    return f"{name} ({unit})" if unit and unit not in name.lower() else name


def _widget(view: KnobView, value: Any, key: str) -> Any:
    shared = {"label": label(view), "key": key, "help": view.knob.help}
    if view.kind == "bool":
        return st.toggle(value=value, **shared)
    if view.kind == "choice":
        return _choice(view, value, shared)
    if view.kind in ("int", "float"):
        return _number(view, value, shared)
    if view.kind == "names":
        text = st.text_input(value=", ".join(value), placeholder="conv1, fc*", **shared)
        return [part.strip() for part in text.split(",") if part.strip()]
    if view.kind == "layers":
        return _layers(view, value, shared)
    return st.text_input(value=value or "", **shared) or view.default


def _choice(view: KnobView, value: Any, shared: dict[str, Any]) -> Any:
    if len(view.choices) <= MOST_BUTTONS:
        return st.segmented_control(options=view.choices, default=value, required=True, wrap=True, **shared)
    return st.selectbox(options=view.choices, index=view.choices.index(value), **shared)


def _number(view: KnobView, value: Any, shared: dict[str, Any]) -> Any:
    whole = view.kind == "int"
    as_type = int if whole else float
    low, high = (None if edge is None else as_type(edge) for edge in (view.low, view.high))
    step = view.knob.step and as_type(view.knob.step)
    if None in (low, high, value) or view.knob.log or (whole and high - low > MOST_STOPS):
        shown = None if whole else "%g"
        return st.number_input(value=value, min_value=low, max_value=high, step=step, format=shown, **shared)
    shown = "percent" if view.knob.unit == "share" else None
    step = step or (1 if whole else (high - low) / 100)
    picked = st.slider(min_value=low, max_value=high, value=as_type(value), step=step, format=shown, **shared)
    return picked if whole else round(picked, 9)


def _layers(view: KnobView, value: dict, shared: dict[str, Any]) -> dict:
    written = yaml.safe_dump(value, default_flow_style=None) if value else ""
    text = st.text_area(value=written, placeholder="conv1: {sparsity: 0.2}", height=80, **shared)
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(inner, dict) for inner in found.values()):
        raise SettingError(
            f"{label(view)} must map layer name patterns to settings, one a line, "
            f"such as 'conv1: {{sparsity: 0.2}}', not {text!r}"
        )
    return found
