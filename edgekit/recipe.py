"""An ordered list of techniques: written as YAML or `--step` words, checked before anything slow starts, then applied.

- prune_channels: {sparsity: 0.5}
- fine_tune: {epochs: 3}
- quantize_static: {}
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import onnx
import yaml

from edgekit.artifacts.export import export
from edgekit.core.bench import Bench
from edgekit.core.encoding import Stored
from edgekit.core.errors import EdgeKitError, RecipeError, unknown
from edgekit.core.knobs import parse as parse_words
from edgekit.core.technique import Change, Fact, Layerwise, OnCodes, Technique
from edgekit.registry import technique

if TYPE_CHECKING:
    from torch import nn

    from edgekit.core.model import Model


@dataclass(frozen=True)
class Compressed:
    """Where a recipe, or its first steps, led: a network until the first graph step, then a graph.

    Attributes:
        network: None once a graph step ran, or where the model has none.
        graph: the float or quantized ONNX graph of this state, before packing; None until `exported` makes it.
        encodings: weight name -> how to pack it into the file.
        changes: {"step", "layer", "what"} of all steps so far; and "numbers", where a step recorded any.
        curve: per epoch of training, {"step", …}.
    """

    network: nn.Module | None
    graph: onnx.ModelProto | None
    encodings: dict[str, Stored]
    changes: list[dict[str, Any]]
    curve: list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """Steps in order. The empty recipe is the baseline."""

    steps: tuple[Technique, ...] = ()

    @classmethod
    def parse(cls, source: str | Sequence[str] | Sequence[dict], *more: str) -> Recipe:
        """A recipe from YAML, from a list as YAML holds it, or from words: `Recipe.parse("fine_tune,epochs=2")`.

        Raises:
            RecipeError: a technique that does not exist, or text that is no recipe.
            SettingError: a setting that does not exist or is out of range; all of them at once.
        """
        if isinstance(source, str) and ("\n" in source or source.lstrip().startswith(("-", "[", "{"))):
            source = _from_yaml(source)
        items = [source, *more] if isinstance(source, str) else [*source, *more]
        steps, problems = [], []
        for number, item in enumerate(items, 1):
            try:
                steps.append(_step(item))
            except EdgeKitError as error:
                problems.append((type(error), f"Step {number}: {error}"))
        if problems:
            raise problems[0][0]("\n".join(text for _, text in problems))
        return cls(tuple(steps))

    def to_list(self, all_settings: bool = False) -> list[dict[str, dict[str, Any]]]:
        """[{"prune_weights": {"sparsity": 0.5}}, …]; only settings that differ from the defaults unless asked."""
        return [{step.id(): step.settings(all_settings)} for step in self.steps]

    def to_yaml(self) -> str:
        """The recipe as a person would write it; `parse` reads it back."""
        return yaml.safe_dump(self.to_list(), sort_keys=False, default_flow_style=None)

    def to_words(self) -> list[str]:
        """Each step as `--step` takes it: ["prune_weights,sparsity=0.5", …]; `parse` reads it back."""
        return [_in_words(name, settings) for step in self.to_list() for name, settings in step.items()]

    @property
    def fingerprint(self) -> str:
        """The same for recipes that do the same: a hash of every setting, with floats to nine digits."""
        text = json.dumps(_rounded(self.to_list(all_settings=True)), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def trains(self) -> bool:
        """Whether any step trains, so that it takes more than a moment."""
        return any(step.trains for step in self.steps)

    def problems(self, model: Model) -> list[str]:
        """Everything that keeps this recipe from working on this model, each with what to do; empty if it works."""
        facts, removed_by, problems = set(model.facts()), {}, []
        names: list[str] | None = model.layers()
        for number, step in enumerate(self.steps, 1):
            if isinstance(step, OnCodes) and not facts & {Fact.NETWORK, Fact.FLOAT_WEIGHTS}:
                problems += _wrong_for_codes(number, step, removed_by.get(Fact.FLOAT_WEIGHTS), model)
            else:
                for fact in sorted(step.needs_in_all() - facts):
                    problems.append(_problem(number, step, fact, removed_by.get(fact), model))
            if names is not None and isinstance(step, Layerwise):
                problems += [_no_layer(number, step, pattern, names) for pattern in step.patterns_without(names)]
            names = None if step.renames else names
            for fact in (step.removes | _removes_of_kind(step)) & facts:  # what was never there, no step removed
                facts.discard(fact)
                removed_by[fact] = (number, step)
            facts |= step.adds
        return problems

    def check(self, model: Model) -> None:
        """Raise a RecipeError with all problems at once, if there are any."""
        if problems := self.problems(model):
            raise RecipeError("\n".join(problems))

    def apply(
        self,
        model: Model,
        bench: Bench,
        after_step: Callable[[int, Compressed], None] = lambda number, state: None,
        start: tuple[int, Compressed] | None = None,
    ) -> Compressed:
        """Run all steps on a private copy of the model. `after_step` sees the state after each (numbered from 1).

        Args:
            start: how many of the steps are done already, and the state after them, which is not kept private.
        """
        self.check(model)
        done, state = start or (0, self._before(model))
        for number, step in enumerate(self.steps[done:], done + 1):
            here = bench.part((number - 1) / len(self.steps), number / len(self.steps))
            state = _after(state, number, step, here)
            if number < len(self.steps):
                after_step(number, state)
        state = exported(state, bench.example)
        if len(self.steps) > done:
            after_step(len(self.steps), state)
        return state

    def _before(self, model: Model) -> Compressed:
        as_it_came = model.graph is not None and (model.network is None or not self.steps or self.steps[0].on_graph)
        network = None if as_it_came else copy.deepcopy(model.network)
        return Compressed(network, copy.deepcopy(model.graph) if as_it_came else None, {}, [], [])


def exported(state: Compressed, example: Any) -> Compressed:
    """The same state with its graph; a network that was not exported yet is exported now."""
    if state.graph is not None:
        return state
    return replace(state, graph=export(state.network, example))


def _after(state: Compressed, number: int, step: Technique, bench: Bench) -> Compressed:
    bench = replace(bench, on_epoch=lambda point, tell=bench.on_epoch: tell({"step": number, **point}))
    if step.on_graph:
        state = exported(state, bench.example)
    if isinstance(step, OnCodes) and state.network is None:
        applied = step.apply_to_codes(state.graph, state.encodings, bench)
    else:
        applied = step.apply(state.graph if step.on_graph else state.network, bench)
    is_graph = isinstance(applied.result, onnx.ModelProto)
    return Compressed(
        network=None if is_graph else applied.result,
        graph=applied.result if is_graph else None,
        encodings=state.encodings | applied.encodings,
        changes=state.changes + [_change(number, change) for change in applied.changes],
        curve=state.curve + [{"step": number, **point} for point in applied.curve],
    )


def _change(number: int, change: Change) -> dict[str, Any]:
    told = {"step": number, "layer": change.layer, "what": change.what}
    return told | {"numbers": dict(change.numbers)} if change.numbers else told


def _removes_of_kind(step: Technique) -> frozenset[Fact]:
    return frozenset({Fact.NETWORK}) if step.on_graph else frozenset()


def _problem(number: int, step: Technique, fact: Fact, culprit: tuple[int, Technique] | None, model: Model) -> str:
    start = f"Step {number} ({step.title}) needs {fact}, which "
    if culprit is None:
        why = f": {model.why_no_network}" if model.why_no_network and (fact is Fact.NETWORK or model.quantized) else ""
        return f"{start}{model.id} does not have{why}. Remove step {number}."
    where, other = culprit
    return f"{start}step {where} ({other.title}) removed. Move step {number} before step {where}."


def _wrong_for_codes(number: int, step: OnCodes, culprit: tuple[int, Technique] | None, model: Model) -> list[str]:
    if culprit is None:
        where, instead = f"works on the codes of {model.id}, which is quantized already", "remove the step"
    else:
        before, other = culprit
        where = f"comes behind step {before} ({other.title}), which leaves a finished graph"
        instead = f"move step {number} before step {before}"
    return [
        f"Step {number} ({step.title}) {where}, and there {wrong}. Change that, or {instead}."
        for wrong in step.wrong_for_codes()
    ]


def _no_layer(number: int, step: Layerwise, pattern: str, names: list[str]) -> str:
    return f"Step {number} ({step.title}): {unknown('layer', pattern, names)}"


def _from_yaml(text: str) -> list:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
        where = f" (line {mark.line + 1})" if mark else ""
        raise RecipeError(f"a recipe must be a YAML list of steps; this is no YAML: {what}{where}") from None
    if not isinstance(found, list):
        raise RecipeError("a recipe must be a YAML list of steps, such as '- prune_weights: {sparsity: 0.5}'")
    return found


def _step(item: Any) -> Technique:
    if isinstance(item, Technique):
        return item
    if isinstance(item, str):
        return _step_from_words(item)
    if isinstance(item, dict) and len(item) == 1:
        ((name, values),) = item.items()
        if values is None or isinstance(values, dict):
            return technique(str(name)).make(values or {})
    raise RecipeError(
        f"a step must be a technique with its settings, such as prune_weights: {{sparsity: 0.5}}, not {item!r}"
    )


def _step_from_words(text: str) -> Technique:
    """prune_weights,sparsity=0.5,layers[conv*].sparsity=0.3,skip=fc1+fc2"""
    name, *words = [part.strip() for part in text.split(",")]
    kind = technique(name)
    plain: dict[str, str] = {}
    layers: dict[str, dict[str, str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise RecipeError(f"'{word}' must be a setting with its value, such as sparsity=0.5")
        if match := re.fullmatch(r"layers\[(.+)\]\.(\w+)", key):
            layers.setdefault(match[1], {})[match[2]] = value
        else:
            plain[key] = value
    values = parse_words(kind, plain)
    if layers:
        values["layers"] = {pattern: parse_words(kind, settings) for pattern, settings in layers.items()}
    return kind.make(values)


def _in_words(name: str, settings: dict[str, Any]) -> str:
    """The other way round."""
    plain = {key: value for key, value in settings.items() if key != "layers"}
    own = {
        f"layers[{p}].{key}": value for p, values in settings.get("layers", {}).items() for key, value in values.items()
    }
    words = [f"{key}={'+'.join(value) if isinstance(value, list) else value}" for key, value in (plain | own).items()]
    return ",".join([name, *words])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9) + 0.0  # −0.0 becomes 0.0
    if isinstance(value, dict):
        # Of layer patterns the first that fits wins, so their order is part of what a recipe does.
        return {key: _rounded(list(inner.items()) if key == "layers" else inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
