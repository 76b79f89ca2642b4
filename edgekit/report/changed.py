"""The samples whose answer changed, as a report shows them: small pictures inside the file, texts, sounds, numbers."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from edgekit.core.errors import EdgeKitError
from edgekit.core.numbers import percent
from edgekit.core.run import Answer, Disagreement, Run
from edgekit.core.text import asked
from edgekit.data.catalog import Entry
from edgekit.data.splits import load
from edgekit.show import boxes
from edgekit.show.charts import KINDS
from edgekit.show.pictures import beginning, numbers, picture
from edgekit.tasks import task

SHOWN = 12  # samples
SIDE, WIDE = 64, 120  # pixels of a picture, and of one with boxes in it; the file has twice as many
LINES, STEPS = 4, 200  # features of a series, and points of a line
LONGEST_SOUND = 2.0  # seconds


@dataclass(frozen=True)
class Said:
    """An answer in words, whether it is right (None where answers are only nearer or farther), and how sure it is."""

    answer: str
    right: bool | None
    sure: str
    picture: str = ""


@dataclass(frozen=True)
class Changed:
    """One sample: what it is, what it looks, sounds or reads like, and both answers. Addresses are data: URLs."""

    number: int
    truth: str
    before: Said
    after: Said
    picture: str = ""
    text: str = ""
    sound: str = ""


def changed(run: Run, about: Entry) -> tuple[list[Changed], str]:
    """The first few samples that are answered otherwise than by the original, and why there are none, if so."""
    found = run.disagreements
    if found is None or not found.examples or run.split != "test" or about.synthetic:
        return [], ""
    try:
        raw = load(run.data).evaluation.raw
    except EdgeKitError as error:
        return [], str(error)
    return [as_shown(one, raw[one.sample], about) for one in found.examples[:SHOWN]], ""


def as_shown(one: Disagreement, raw: np.ndarray, about: Entry) -> Changed:
    """One sample, of which `raw` is what the data set holds."""
    before, after = (
        _said(answer, sure, one.label, raw, about)
        for answer, sure in ((one.before, one.before_confidence), (one.after, one.after_confidence))
    )
    seen = {} if task(about.task).in_place else _seen(raw, about)
    return Changed(one.sample, about.answer(one.label), before, after, **seen)


def _said(answer: Answer, sure: float, label: Answer, raw: np.ndarray, about: Entry) -> Said:
    asked_for = task(about.task)
    if asked_for.graded:
        return Said(about.answer(answer), None, "")
    right = bool(asked_for.right(np.array([answer]), np.array([label]))[0])
    drawn = _png(boxes.drawn(raw, about, answer, label, WIDE)) if asked_for.in_place else ""
    return Said(about.answer(answer), right, percent(sure, 0), drawn)


def _seen(raw: np.ndarray, about: Entry) -> dict[str, str]:
    """What there is to look at, to listen to, or to read."""
    if about.kind == "image":
        return {"picture": _png(picture(raw, SIDE))}
    if about.kind == "sound":
        heard = np.asarray(raw)[: round(LONGEST_SOUND * about.rate)]
        return {"sound": _wav(heard, about.rate), "picture": lines(heard[:, None])}
    if about.kind == "text":
        return {"text": beginning(asked(raw))}
    return {"picture": lines(raw)} if raw.ndim == 2 else {"text": numbers(raw)}


def lines(series: np.ndarray) -> str:
    """The first features of a series (steps, features) over time, as an SVG in a data: URL."""
    colours = [kind.colour for name, kind in KINDS.items() if name != "baseline"]
    shown = np.asarray(series[:: max(1, len(series) // STEPS), :LINES], np.float64)
    steps, height = max(len(shown) - 1, 1), 100
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    y: Callable[[float], float] = partial(_scaled, low=low, high=high, height=height)
    paths = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" vector-effect="non-scaling-stroke" points="'
        + " ".join(f"{200 * x / steps:.1f},{y(value):.1f}" for x, value in enumerate(shown[:, place]))
        + '"/>'
        for place, colour in zip(range(shown.shape[1]), colours, strict=False)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 {height}" preserveAspectRatio="none">{paths}</svg>'
    return _url("image/svg+xml", svg.encode())


def _scaled(value: float, low: float, high: float, height: int) -> float:
    """Where a value stands between two others, from the top, with a little room around."""
    return height * (0.95 - 0.9 * (value - low) / ((high - low) or 1.0))


def _png(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return _url("image/png", content.getvalue())


def _wav(samples: np.ndarray, rate: int) -> str:
    """int16 (length,) as a sound file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return _url("audio/wav", content.getvalue())


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
