"""How samples become what a file from elsewhere takes: every usual way is tried on a few of them.

A wrong scaling is the commonest fault of a brought model, and it shows: the answers are near chance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.byte_pairs import ENGLISH_FRENCH_PIECES
from edgekit.core.errors import MeasureError, ModelError, unknown
from edgekit.core.preprocessing import Preprocessing
from edgekit.core.progress import Progress, part, silent
from edgekit.core.text import UNCASED_PIECES
from edgekit.data.catalog import Entry
from edgekit.data.splits import Dataset, Samples
from edgekit.measure.ways import shape, ways
from edgekit.models.onnx_file import fixed_to
from edgekit.tasks import task

if TYPE_CHECKING:
    import onnx

    from edgekit.models.facts import Facts

TRIED_ON = 200  # validation samples
NEAR_NOTHING = 0.1  # of the variance, or of the way from guessing to all right
NEAR_CHANCE = 2.0  # times the share of right answers that guessing gives, where that is less


@dataclass(frozen=True)
class Fit:
    """A way to feed a file, and how it was found.

    Attributes:
        macs: multiply-accumulates for one image; None where a shape is not known.
        said: how the scaling was chosen, with the share of right answers.
        ways: every way that is possible -> the share of right answers, or None where it was not tried.
    """

    preprocessing: Preprocessing
    macs: int | None
    said: str
    ways: dict[str, float | None]


def fitted(
    graph: onnx.ModelProto, facts: Facts, dataset: Dataset, scaling: str | None = None, progress: Progress = silent
) -> Fit:
    """Read from the graph what it takes, and try how samples are scaled.

    Args:
        dataset: that it is scored on; its validation samples are tried.
        scaling: one of `ways`, by name; the one with most right answers if absent.

    Raises:
        ModelError: it takes or gives something else than the data set has, or cannot run on more than one sample.
    """
    about, possible = dataset.entry, ways(facts, dataset)
    _check_answers(facts, about)
    if about.kind == "text":
        _check_vocabulary(graph, facts, about)
    if scaling is not None and scaling not in possible:
        raise ModelError(unknown("scaling", scaling, possible))
    plain = scaling or next(iter(possible))
    prepared = possible if about.labelled else {plain: possible[plain]}  # without labels nothing tells which is right
    few = dataset.validation.take(TRIED_ON)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        right = {
            name: _score(path, few, way, part(progress, number / len(prepared), (number + 1) / len(prepared)))
            for number, (name, way) in enumerate(prepared.items())
        }
        best = scaling or max(right, key=right.__getitem__)
        said = _in_words(best, right, len(few), about) if about.labelled else _untried(best, possible, about)
        shares = {name: right[name] if name in right and about.labelled else None for name in possible}
        path.write_bytes(fixed_to(graph, possible[best].shape(about.shape)).SerializeToString())
        return Fit(possible[best], _macs(path), said, shares)


def _check_answers(facts: Facts, about: Entry) -> None:
    """Whether the task can read answers off what a file puts out."""
    sizes = facts.outputs[0].shape
    if asked := task(about.task).asked(sizes, about.title, len(about.classes)):
        raise ModelError(f"{asked}; that of this file is {shape(sizes)}. Choose the data set that it was trained on.")


def _check_vocabulary(graph: onnx.ModelProto, facts: Facts, about: Entry) -> None:
    """Whether the file has a vector for each word piece that EdgeKit can make of texts, and for no others."""
    how, pieces = "BERT's uncased vocabulary", UNCASED_PIECES
    if task(about.task).writes:
        how, pieces = "its own byte pairs", ENGLISH_FRENCH_PIECES
    sizes = {tensor.name: tensor.dims[0] for tensor in graph.graph.initializer if len(tensor.dims) == 2}
    ids = {facts.inputs[0].name}
    for node in graph.graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in ids:
            ids.add(node.output[0])
        elif node.op_type == "Gather" and node.input[1] in ids and node.input[0] in sizes:
            if sizes[node.input[0]] == pieces:
                return
            found = f"{sizes[node.input[0]]:,}"
            break
    else:
        found = "none"
    raise ModelError(
        f"EdgeKit cuts texts with {how}, so a file must look word pieces up in a table of "
        f"{pieces:,} vectors; the table of this file has {found}. Train it with that vocabulary."
    )


def _score(path: Path, few: Samples, prepared: Preprocessing, progress: Progress) -> float:
    """The mean score: the share of right answers, or of the variance that they explain."""
    from edgekit.measure.outputs import outputs

    try:
        found = outputs(path, few, prepared, progress)
    except MeasureError as error:
        raise ModelError(
            f"the file must run on any number of samples at a time; ONNX Runtime could not: {error} "
            "Export it with a batch size that is left free (dynamic_axes, or dynamic_shapes)."
        ) from None
    asked = task(few.entry.task)
    return float(asked.scores(found, asked.truth(few.labels, found)).mean())


def _macs(path: Path) -> int | None:
    from edgekit.measure.size import counted

    found = counted(path).get("macs")
    return None if found is None else int(found.value)


def _untried(best: str, possible: Iterable[str], about: Entry) -> str:
    if about.synthetic:
        return "Fed with random numbers: latency and size mean something, how well it does is not known."
    others = ", ".join(f"“{name}”" for name in possible if name != best)
    return f"Fed as “{best}”: without labels nothing tells whether that is right." + (
        f" Also possible: {others}." if others else ""
    )


def _in_words(best: str, shares: Mapping[str, float], n: int, about: Entry) -> str:
    asked = task(about.task)
    said = f"Fed as “{best}”: {100 * shares[best]:.0f} % {asked.well(n)}"
    others = ", ".join(f"{100 * share:.0f} % as “{name}”" for name, share in shares.items() if name != best)
    said += f"; {others}." if others else "."
    chance = asked.chance(len(about.classes))
    near = chance + NEAR_NOTHING * (1 - chance)
    if shares[best] < (min(near, NEAR_CHANCE * chance) if chance else near):
        said += " That is near chance: is this the data set it was trained on, and are the classes in the same order?"
    return said
