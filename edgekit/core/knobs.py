"""A setting of a technique, said once: its range, unit, step and help. Forms, command line and docs are made from it.

A technique declares `sparsity: Annotated[float, Knob(unit="share", help="…")] = Field(0.5, ge=0, le=0.95)`.
`knobs(cls)` reads that back as plain values; `parse` turns the words of a command line into the types of the knobs.
"""

import inspect
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from edgekit.core.errors import SettingError, unknown


@dataclass(frozen=True)
class Knob:
    """What the type and range of a field do not say.

    Attributes:
        help: one sentence for a person.
        unit: "bits", "share", "epochs", "samples", …; empty if the number has none.
        step: the smallest move of a slider; None lets the widget choose.
        log: whether a slider should move by factors.
        advanced: whether forms keep it folded away at first.
    """

    help: str
    unit: str = ""
    step: float | None = None
    log: bool = False
    advanced: bool = False


@dataclass(frozen=True)
class KnobView:
    """A knob as forms, flags and docs need it; `kind` is int, float, bool, choice, text, names or layers."""

    name: str
    kind: str
    default: Any
    low: float | None
    high: float | None
    choices: tuple
    knob: Knob


def knobs(settings: type[BaseModel]) -> list[KnobView]:
    """All knobs of a technique (or of any settings model): its own as declared, those it shares, the advanced ones."""
    own = list(inspect.get_annotations(settings))
    views = [_view(name, field) for name, field in settings.model_fields.items()]
    place = {view.name: own.index(view.name) if view.name in own else len(own) for view in views}
    return sorted(views, key=lambda view: (view.knob.advanced, place[view.name]))


def build(settings: type[BaseModel], title: str, values: dict[str, Any]) -> Any:
    """Make settings from a mapping, or raise one SettingError that lists everything wrong with it."""
    try:
        return settings(**{str(name): value for name, value in values.items()})
    except ValidationError as error:
        known = list(settings.model_fields)
        raise SettingError(f"{title}: " + "; ".join(_sentence(e, known) for e in error.errors())) from None


def parse(settings: type[BaseModel], words: dict[str, str]) -> dict[str, Any]:
    """Turn `{"bits": "4"}` into `{"bits": 4}`. What does not parse stays text, so that `build` names it."""
    views = {view.name: view for view in knobs(settings)}
    return {name: _parse(views[name], text) if name in views else text for name, text in words.items()}


def in_words(name: str, settings: dict[str, Any]) -> str:
    """A step of a recipe as `--step` takes it: prune_weights,sparsity=0.9,skip=fc1+fc2,layers[conv*].sparsity=0.3"""
    plain = {key: value for key, value in settings.items() if key != "layers"}
    for pattern, values in settings.get("layers", {}).items():
        plain |= {f"layers[{pattern}].{key}": value for key, value in values.items()}
    words = [f"{key}={'+'.join(value) if isinstance(value, list) else value}" for key, value in plain.items()]
    return ",".join([name, *words])


def _view(name: str, field: Any) -> KnobView:
    annotation, choices = field.annotation, ()
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is Literal:
        kind, choices = "choice", typing.get_args(annotation)
    elif typing.get_origin(annotation) is list:
        kind = "names"
    elif typing.get_origin(annotation) is dict:
        kind = "layers"
    else:
        kind = {bool: "bool", int: "int", float: "float", str: "text"}[annotation]
    knob = next((m for m in field.metadata if isinstance(m, Knob)), Knob(help=field.description or ""))
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    return KnobView(name, kind, field.get_default(call_default_factory=True), low, high, choices, knob)


def _parse(view: KnobView, text: str) -> Any:
    try:
        if view.kind == "bool":
            return {"true": True, "false": False, "yes": True, "no": False}[text.lower()]
        if view.kind == "choice":
            return next(c for c in view.choices if str(c) == text)
        if view.kind == "names":
            return [part for part in text.split("+") if part]
        return {"int": int, "float": float}.get(view.kind, str)(text)
    except (ValueError, KeyError, StopIteration):
        return text


def _sentence(error: dict, known: list[str]) -> str:
    path = [str(part) for part in error["loc"]]
    name, came = path[0] if path else "", error.get("input")
    if error["type"] == "extra_forbidden":
        return unknown("setting", name, known)
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{'.'.join(path)} {error['msg'].replace('Input should', 'must')}, not {came!r}"
