"""What each layer can bear: how much is lost on validation samples if one layer alone is compressed, by so much.

A cell of the table is a recipe with one choice in it. It is applied as any recipe is, by the technique itself, but the
graph that comes of it is never written: it is scored in memory, on a few hundred samples. Only where the structure
changes is the network traced anew. A table is kept in the store by what it was measured of, layer by layer, so that
what was cancelled goes on where it stopped.

`python -m edgekit layers MODEL` measures and prints a table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from edgekit.core.errors import ModelError, NothingToDo, SettingError, unknown
from edgekit.core.progress import Progress, part, silent
from edgekit.core.versions import versions
from edgekit.data.splits import Samples, load
from edgekit.search.layer_choices import AXES, Axis, Steps, recipe

if TYPE_CHECKING:
    import onnx

    from edgekit.core.bench import Bench
    from edgekit.core.model import Model
    from edgekit.store.store import Store

SAMPLES = 512


class Cell(BaseModel, frozen=True):
    """What one layer alone costs: quality lost, a fraction, with its paired 95 % interval."""

    lost: float
    low: float
    high: float


class LayerTable(BaseModel, frozen=True):
    """The measured cells of a model.

    Attributes:
        metric, quality: what is lost, and how much of it the network as it is has on these samples.
        samples: of the validation split.
        layers: those with weight matrices or kernels -> their number of weights, in the order of the network.
        tied: layers that must keep the same channels, where there are several.
        cells: id of an axis -> layer -> a cell for each value of the axis; None where nothing would change.
        done: ids of the axes of which every layer was measured.
        without: id of an axis -> why it cannot be measured of this model.
    """

    model_sha256: str
    metric: str
    quality: float
    samples: int
    versions: dict[str, str]
    layers: dict[str, int]
    tied: list[list[str]] = Field(default_factory=list)
    cells: dict[str, dict[str, list[Cell | None]]] = Field(default_factory=dict)
    done: list[str] = Field(default_factory=list)
    without: dict[str, str] = Field(default_factory=dict)

    def together(self, axis: str, layer: str) -> list[str]:
        """The layers that get what this one gets."""
        groups = self.tied if axis == "channels" else []
        return next((group for group in groups if layer in group), [layer])

    def cell(self, axis: str, layer: str, value: float) -> Cell | None:
        """What is known; None also where it was not measured."""
        row, values = self.cells.get(axis, {}).get(layer), AXES[axis].values
        return row[values.index(value)] if row and value in values else None

    def has(self, axis: str) -> bool:
        """Whether nothing of an axis is left to measure."""
        return axis in self.done or axis in self.without

    def with_rows(self, axis: str, layers: list[str], row: list[Cell | None]) -> LayerTable:
        """The table with a row for these layers."""
        rows = self.cells.get(axis, {}) | dict.fromkeys(layers, row)
        return self.model_copy(update={"cells": self.cells | {axis: rows}})


def chosen_samples(data: str, count: int = SAMPLES) -> Samples:
    """The validation samples that cells are scored on.

    Raises:
        DataError: the data set is not on this machine.
    """
    return load(data).validation.take(count)


def known_table(model_sha256: str, samples: Samples, store: Store) -> LayerTable | None:
    """What was measured of a model before, all or some of it."""
    text = store.table(_key(model_sha256, samples))
    return None if text is None else LayerTable.model_validate_json(text)


def keep(table: LayerTable, samples: Samples, store: Store) -> None:
    """Keep a table, or the part of it that there is by now, by what it was measured of."""
    store.put_table(_key(table.model_sha256, samples), table.model_dump_json())


def measure_layers(
    model: Model, store: Store, samples: Samples, axes: Sequence[str] | None = None, progress: Progress = silent
) -> LayerTable:
    """Measure what is not known yet of these axes, and keep every layer as it is done.

    Args:
        samples: of the validation split.
        axes: ids of some of AXES; all by default.

    Raises:
        SettingError: there is no such axis.
        Cancelled: what was measured until then is kept.
    """
    from edgekit.measure.lock import yielding

    for axis in axes or ():
        if axis not in AXES:
            raise SettingError(unknown("axis", axis, AXES))
    progress = yielding(progress)
    work = _Work(model, samples, _bench(model))
    table = known_table(model.sha256, samples, store) or work.empty()
    todo = [axis for axis in axes or AXES if not table.has(axis)]
    for number, axis in enumerate(todo):
        here = part(progress, number / len(todo), (number + 1) / len(todo))
        for grown in work.rows(table, AXES[axis], here):
            table = grown
            keep(table, samples, store)
    progress(1.0, "done")
    return table


def printed(table: LayerTable) -> list[str]:
    """The table in lines: for each axis its values, then points lost in each layer; a dot where nothing changes."""
    lines = [f"{table.metric} {table.quality:.2%} on {table.samples:,} validation samples; points lost:"]
    widest = max(map(len, table.layers), default=0)
    for axis in (one for one in AXES.values() if one.id in table.cells or one.id in table.without):
        lines += ["", axis.title, " " * widest + "".join(f"{axis.text(value):>9}" for value in axis.values)]
        lines += [table.without[axis.id]] if axis.id in table.without else []
        for layer, row in table.cells.get(axis.id, {}).items():
            lost = "".join(f"{'·' if cell is None else f'{100 * cell.lost:.1f}':>9}" for cell in row)
            lines.append(f"{layer:<{widest}}{lost}")
    return lines


def _key(model_sha256: str, samples: Samples) -> str:
    values = [[axis.id, axis.values] for axis in AXES.values()]
    parts = json.dumps([model_sha256, samples.key, versions(), values], sort_keys=True)
    return f"layers-{hashlib.sha256(parts.encode()).hexdigest()[:24]}"


def _bench(model: Model) -> Bench:
    from edgekit.core.host import this_host
    from edgekit.data.feed import bench
    from edgekit.measure.candidates import Candidates

    dataset = load(model.data)
    return bench(model, dataset, host=this_host(), candidates=Candidates(model, dataset.validation))


@dataclass
class _Work:
    """A model with the samples that score it."""

    model: Model
    samples: Samples
    bench: Bench

    def __post_init__(self) -> None:
        self.graph = self._applied([], silent)[0]
        before = self._outputs(self.graph, silent)
        self.labels = self.model.task.truth(self.samples.labels, before)
        self.scores = self.model.task.scores(before, self.labels)

    def empty(self) -> LayerTable:
        """A table of no cells."""
        return LayerTable(
            model_sha256=self.model.sha256,
            metric=self.model.task.metric,
            quality=float(self.scores.mean()),
            samples=len(self.samples),
            versions=versions(),
            layers=self._sizes(),
        )

    def rows(self, table: LayerTable, axis: Axis, progress: Progress) -> Iterator[LayerTable]:
        """The table again and again, each time with one more row, at last with the axis done."""
        try:
            yield from self._rows(table, axis, self._names(axis), progress)
        except ModelError as error:
            yield table.model_copy(update={"without": table.without | {axis.id: str(error)}})

    def _rows(self, table: LayerTable, axis: Axis, names: list[list[str]], progress: Progress) -> Iterator[LayerTable]:
        if reason := self._reason_against(axis, names):
            yield table.model_copy(update={"without": table.without | {axis.id: reason}})
            return
        if axis.id == "channels":
            table = table.model_copy(update={"tied": [group for group in names if len(group) > 1]})
        for number, together in enumerate(names):
            if together[0] not in table.cells.get(axis.id, {}):
                here = part(progress, number / len(names), (number + 1) / len(names))
                table = table.with_rows(axis.id, together, self._row(axis, together, list(table.layers), here))
                yield table
        yield table.model_copy(update={"done": [*table.done, axis.id]})

    def _reason_against(self, axis: Axis, names: list[list[str]]) -> str:
        """Why no layer can be compressed in this way; empty if some can."""
        from edgekit.recipe import Recipe

        layers = list(self._sizes())
        if not layers:
            return f"{self.model.title} has no convolution or matrix product with weights."
        first = dict.fromkeys(names[0] if names else layers[:1], axis.values[-1])
        if problems := Recipe.parse(recipe({axis.id: first}, layers)).problems(self.model):
            return problems[0]
        return "" if names else f"{self.model.title} has no layer of which channels can go alone."

    def _row(self, axis: Axis, together: list[str], layers: list[str], progress: Progress) -> list[Cell | None]:
        found: list[Cell | None] = []
        known: dict[str, Cell] = {}  # by what happened to the layers: several shares may keep the same channels
        for number, value in enumerate(axis.values):
            words = f"{together[0]}, {axis.title.lower()}: {axis.text(value)}"
            here = _saying(words, part(progress, number / len(axis.values), (number + 1) / len(axis.values)))
            here(0.0, "")
            steps = recipe({axis.id: dict.fromkeys(together, value)}, layers)
            try:
                happened = json.dumps(self._applied(_sketch(steps), silent)[1]) if axis.id == "channels" else str(value)
                if happened not in known:
                    known[happened] = self._cell(steps, here)
                found.append(known[happened])
            except NothingToDo:
                found.append(None)
        return found

    def _cell(self, steps: Steps, progress: Progress) -> Cell:
        from edgekit.measure.statistics import paired_difference

        graph, _ = self._applied(steps, part(progress, 0, 0.5))
        after = self.model.task.scores(self._outputs(graph, part(progress, 0.5, 1)), self.labels)
        gained = paired_difference(self.scores, after)
        return Cell(lost=0.0 - gained.value, low=0.0 - gained.high, high=0.0 - gained.low)

    def _applied(self, steps: Steps, progress: Progress) -> tuple[onnx.ModelProto, list[dict]]:
        """The float graph that steps make, with what they changed."""
        from edgekit.recipe import Recipe

        state = Recipe.parse(steps).apply(self.model, replace(self.bench, progress=progress))
        return state.graph, state.changes

    def _outputs(self, graph: onnx.ModelProto, progress: Progress) -> np.ndarray:
        from edgekit.measure.outputs import outputs

        return outputs(graph.SerializeToString(), self.samples, self.model.preprocessing, progress)

    def _sizes(self) -> dict[str, int]:
        """Layers of the graph that settings can name -> their number of weights."""
        from edgekit.models.graphs import lift_constants, shape_of
        from edgekit.techniques._graph import weight_layers

        lift_constants(self.graph)
        named = set(self.model.layers())
        found = {name: shape_of(self.graph, layer.weight) for name, layer in weight_layers(self.graph)}
        return {name: int(np.prod(shape)) for name, shape in found.items() if name in named}

    def _channels(self) -> list[list[str]]:
        """Layers that make the same channels, in groups; none where that cannot be followed."""
        if self.model.network is None:
            return []
        import copy

        from edgekit.techniques._channels import channel_groups

        return [list(one.layers) for one in channel_groups(copy.deepcopy(self.model.network), self.bench.example)]

    def _names(self, axis: Axis) -> list[list[str]]:
        """The rows of an axis: layers that get the same, together."""
        if axis.id == "channels":
            return self._channels()
        return [[name] for name in self._sizes()]


def _saying(words: str, progress: Progress) -> Progress:
    """A Progress that says the same all along, whatever single steps have to say."""
    return lambda fraction, what: progress(fraction, words)


def _sketch(steps: Steps) -> Steps:
    """The same cut, without measuring batch normalisation again: to see what goes."""
    return [{name: settings | {"recalibrate": False}} for step in steps for name, settings in step.items()]
