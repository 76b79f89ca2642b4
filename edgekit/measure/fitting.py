"""How images become what a file from elsewhere takes: its size and layout are read, how its pixels are scaled is tried.

A wrong scaling is the commonest fault of a brought model, and it shows: the answers are near chance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import MeasureError, ModelError, unknown
from edgekit.core.model import Preprocessing
from edgekit.core.progress import Progress, part, silent
from edgekit.core.task import Classification
from edgekit.data.catalog import Entry, entry
from edgekit.data.splits import Samples
from edgekit.models import samples

if TYPE_CHECKING:
    import onnx

    from edgekit.models.quarantine import Facts

TRIED_ON = 200  # validation samples
NEAR_CHANCE = 2.0  # times the share of right answers that guessing gives
Scaling = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation, per channel, of pixels from 0 to 1


@dataclass(frozen=True)
class Fit:
    """A way to feed a file, and how it was found.

    Attributes:
        macs: multiply-accumulates for one image; None where a shape is not known.
        said: how the scaling was chosen, with the share of right answers.
    """

    preprocessing: Preprocessing
    macs: int | None
    said: str


def scalings(data: str, channels: int) -> dict[str, Scaling]:
    """The common ways to scale pixels, by their names; the one of our own models of this data first."""
    ours = next(
        (known for known in samples.cards().values() if known.data == data and len(known.mean) == channels), None
    )
    found = {f"{entry(data).title}'s mean and deviation": (ours.mean, ours.std)} if ours else {}
    found |= {
        "0 to 1": ((0.0,) * channels, (1.0,) * channels),
        "−1 to 1": ((0.5,) * channels, (0.5,) * channels),
        "0 to 255": ((0.0,) * channels, (1 / 255,) * channels),
    }
    if channels == 3:
        found["ImageNet's mean and deviation"] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return found


def fitted(
    graph: onnx.ModelProto, facts: Facts, held_out: Samples, scaling: str | None = None, progress: Progress = silent
) -> Fit:
    """Read from the graph what images it takes, and try how they are scaled.

    Args:
        held_out: validation samples of the data set that it is scored on.
        scaling: a key of `scalings`; all of them are tried if absent.

    Raises:
        ModelError: it takes or gives something else than the data set has, or cannot run on more than one image.
    """
    about = entry(held_out.data)
    size, channels, channels_last = _image(facts, about)
    _check_answers(facts, about)
    ways = scalings(held_out.data, channels)
    if scaling is not None and scaling not in ways:
        raise ModelError(unknown("scaling of pixels", scaling, ways))
    tried = ways if scaling is None else {scaling: ways[scaling]}
    prepared = {name: Preprocessing(*way, size, channels_last) for name, way in tried.items()}
    few = held_out.take(TRIED_ON)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        right = {
            name: _right(path, few, way, part(progress, number / len(prepared), (number + 1) / len(prepared)))
            for number, (name, way) in enumerate(prepared.items())
        }
        best = max(right, key=right.__getitem__)
        return Fit(prepared[best], _macs(path), _in_words(best, right, len(few), len(about.classes)))


def _image(facts: Facts, about: Entry) -> tuple[tuple[int, int] | None, int, bool]:
    """(height, width) if images must be resized, channels, and whether they come last."""
    height, width, _ = about.image
    takes = ", ".join(f"{port.name} ({port.dtype}, {_shape(port.shape)})" for port in facts.inputs)
    one = len(facts.inputs) == 1 and facts.inputs[0].dtype == "float32" and facts.inputs[0].shape is not None
    if not one or len(facts.inputs[0].shape) != 4:
        raise ModelError(
            f"{about.title} holds images, for a file with one input of floats, (batch, channels, height, width) or "
            f"(batch, height, width, channels). This one takes {takes}."
        )
    _, first, second, last = facts.inputs[0].shape
    channels_last = last in (1, 3) and first not in (1, 3)
    channels, sides = (last, (first, second)) if channels_last else (first, (second, last))
    if channels not in (1, 3):
        raise ModelError(f"images have 1 or 3 channels; this file takes {takes}.")
    wanted = (sides[0] or height, sides[1] or width)
    return None if wanted == (height, width) else wanted, channels, channels_last


def _check_answers(facts: Facts, about: Entry) -> None:
    shape = facts.outputs[0].shape
    if shape is not None and (len(shape) != 2 or shape[1] not in (None, len(about.classes))):
        raise ModelError(
            f"to tell the {len(about.classes)} classes of {about.title} apart, the first output must have the shape "
            f"(batch, {len(about.classes)}); that of this file is {_shape(shape)}. Choose the data set that it was "
            "trained on."
        )


def _right(path: Path, few: Samples, prepared: Preprocessing, progress: Progress) -> int:
    from edgekit.measure.outputs import outputs

    try:
        found = outputs(path, few, prepared, progress)
    except MeasureError as error:
        raise ModelError(
            f"the file must run on any number of images at a time; ONNX Runtime could not: {error} "
            "Export it with a batch size that is left free (dynamic_axes, or dynamic_shapes)."
        ) from None
    return int(Classification().scores(found, few.labels).sum())


def _macs(path: Path) -> int | None:
    from edgekit.measure.size import counted

    found = counted(path).get("macs")
    return None if found is None else int(found.value)


def _in_words(best: str, right: Mapping[str, int], n: int, classes: int) -> str:
    shares = {name: count / n for name, count in right.items()}
    said = f"Pixels scaled as “{best}”: {100 * shares[best]:.0f} % of {n} validation samples are right"
    others = ", ".join(f"{100 * share:.0f} % as “{name}”" for name, share in shares.items() if name != best)
    said += f"; {others}." if others else "."
    if shares[best] < NEAR_CHANCE / classes:
        said += " That is near chance: is this the data set it was trained on, and are the classes in the same order?"
    return said


def _shape(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "of unknown shape"
    return " × ".join("any" if one is None else str(one) for one in shape) or "one number"
