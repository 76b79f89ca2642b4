"""How a file from elsewhere could be fed: its size and layout are read, its scaling is one of the usual ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.errors import ModelError
from edgekit.core.mel import BANDS
from edgekit.core.preprocessing import Pixels, Preprocessing, Sound, Text, TextPairs, Values
from edgekit.data.splits import Dataset
from edgekit.models import samples
from edgekit.tasks import task

if TYPE_CHECKING:
    from edgekit.models.facts import Facts, Port

FLOATS, INTEGERS = ("float32", "float16", "float64"), ("uint8", "int32", "int64")
CHANNELS = (1, 3)
PIECES = 128  # of a text, where a file takes any number
LOOKED_AT = 5000  # training samples that mean, deviation and range are taken from
Ways = dict[str, Preprocessing]


def ways(facts: Facts, dataset: Dataset) -> Ways:
    """Every way that fits what the file takes, by its name; for images that of our own models of this data first.

    Raises:
        ModelError: it takes something else than the data set has.
    """
    about = dataset.entry
    if len(facts.inputs) != 1 or facts.inputs[0].shape is None or facts.inputs[0].dtype not in FLOATS + INTEGERS:
        raise ModelError(
            f"a file must have one input of numbers, with a known number of dimensions; this one takes {taken(facts)}."
            + (
                " Export it so that it takes word pieces, and attention_mask and token_type_ids at most."
                if about.kind == "text"
                else ""
            )
        )
    port = facts.inputs[0]
    found = {"image": _images, "values": _values, "sound": _sounds, "text": _texts}[about.kind](port, dataset)
    if not found:
        raise ModelError(
            f"{about.title} holds {about.samples} of the shape {shape(about.shape)}, for a file with one input "
            f"{_wanted(dataset)}. This one takes {taken(facts)}."
        )
    return found


def taken(facts: Facts) -> str:
    """The inputs of a file in words."""
    return ", ".join(f"{port.name} ({port.dtype}, {shape(port.shape)})" for port in facts.inputs) or "nothing"


def shape(sizes: tuple[int | None, ...] | None) -> str:
    """A shape in words: "any × 3 × 32 × 32"."""
    if sizes is None:
        return "of unknown shape"
    return " × ".join("any" if one is None else str(one) for one in sizes) or "one number"


def _images(port: Port, dataset: Dataset) -> Ways:
    height, width, own = dataset.entry.shape
    if len(port.shape) == 2:  # a row of all pixels
        channels = next((one for one in CHANNELS if port.shape[1] == height * width * one), None)
        arranged = {"flat": True}
    elif len(port.shape) == 4:
        _, first, second, last = port.shape
        channels_last = last in CHANNELS and first not in CHANNELS
        channels, sides = (last, (first, second)) if channels_last else (first, (second, last))
        size = (sides[0] or height, sides[1] or width)
        arranged = {"size": None if size == (height, width) else size, "channels_last": channels_last}
    else:
        return {}
    if channels not in CHANNELS:
        return {}
    scalings = _scalings(dataset, channels) if port.dtype in FLOATS else {"0 to 255": (0.0, 1 / 255)}
    return {
        name: Pixels(mean=_each(mean, channels), std=_each(std, channels), **arranged)
        for name, (mean, std) in scalings.items()
    }


def _scalings(dataset: Dataset, channels: int) -> dict[str, tuple]:
    """Mean and deviation, of pixels from 0 to 1."""
    ours = next((one.preprocessing for one in samples.cards().values() if one.data == dataset.id), None)
    found = {}
    if ours and len(ours.mean) == channels:
        found[f"{dataset.entry.title}'s mean and deviation"] = (ours.mean, ours.std)
    found |= {"0 to 1": (0.0, 1.0), "−1 to 1": (0.5, 0.5), "0 to 255": (0.0, 1 / 255)}
    if channels == 3:
        found["ImageNet's mean and deviation"] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return found


def _values(port: Port, dataset: Dataset) -> Ways:
    own = dataset.entry.shape
    swapped = len(own) == 2 and not _same(port.shape[1:], own) and _same(port.shape[1:], own[::-1])
    if not swapped and not _same(port.shape[1:], own):
        return {}
    seen = np.asarray(dataset.training.raw[:LOOKED_AT], np.float32).reshape(-1, own[-1])  # (n, features)
    low, high = seen.min(0), seen.max(0)
    scalings = {
        "as they are": ((0.0,), (1.0,)),
        "each feature's mean and deviation": (seen.mean(0), _above_zero(seen.std(0))),
        "each feature from 0 to 1": (low, _above_zero(high - low)),
    }
    return {
        name: Values(mean=tuple(map(float, mean)), std=tuple(map(float, std)), channels_first=swapped)
        for name, (mean, std) in scalings.items()
    }


def _sounds(port: Port, dataset: Dataset) -> Ways:
    about = dataset.entry
    inner = port.shape[1:]
    if _same(inner, about.shape) or _same(inner, (1, *about.shape)):
        return {"the waveform": Sound(rate=about.rate, channels_first=len(inner) == 2)}
    found = {}
    for first in (False, True):
        count = inner[0 if first else -1] if len(inner) == 2 else None
        if count and count <= BANDS:
            way = Sound(rate=about.rate, coefficients=count, channels_first=first)
            found |= {f"{count} cepstral coefficients": way} if _same(inner, way.shape(about.shape)) else {}
    return found


def _texts(port: Port, dataset: Dataset) -> Ways:
    if port.dtype not in ("int32", "int64") or len(port.shape) != 2:
        return {}
    if task(dataset.entry.task).writes:
        places = 2 * dataset.training.labels.shape[1]
        return {"byte pairs of both languages": TextPairs(length=places // 2)} if port.shape[1] == places else {}
    return {"BERT's word pieces": Text(length=port.shape[1] or PIECES)}


def _wanted(dataset: Dataset) -> str:
    """What a file for such samples takes."""
    about = dataset.entry
    if about.kind == "image":
        return (
            "of (batch, channels, height, width), (batch, height, width, channels) with 1 or 3 channels, or a row of "
            "all pixels"
        )
    if task(about.task).writes:
        return (
            f"of whole numbers (batch, {2 * dataset.training.labels.shape[1]}): the text, and what was written so far"
        )
    if about.kind == "text":
        return "of whole numbers (batch, word pieces)"
    if about.kind == "values":
        return f"of (batch, {', '.join(map(str, about.shape))})"
    steps = Sound(rate=about.rate, coefficients=13).shape(about.shape)[0]
    return f"of (batch, {about.shape[0]}) for the waveform, or (batch, {steps}, n) for n cepstral coefficients"


def _same(takes: tuple[int | None, ...], has: tuple[int, ...]) -> bool:
    return len(takes) == len(has) and all(one in (None, own) for one, own in zip(takes, has, strict=True))


def _each(value: float | tuple[float, ...], channels: int) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,) * channels


def _above_zero(values: np.ndarray) -> np.ndarray:
    """A feature that never changes is divided by one."""
    return np.where(values > 0, values, 1)
