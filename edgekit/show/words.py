"""Numbers and recipes as a person reads them: 1.2 MB, 0.123 ms, 92.6 %, −0.3 points, 3.4× smaller."""

import re
from typing import Any

from edgekit.core.measurement import Measurement
from edgekit.core.numbers import MINUS, count, milliseconds, number, percent, significant, size

__all__ = ["count", "milliseconds", "number", "percent", "significant", "size"]  # those of core that pages say too
SAME = "unchanged"
SIGNS = re.compile(r"[!-/:-@\[-`{-~]")  # ASCII's punctuation, which CommonMark lets one escape


def plain(text: str) -> str:
    """A text that somebody else wrote, for Markdown: its signs mean nothing but themselves."""
    return SIGNS.sub(r"\\\g<0>", text)


def points(fraction: float, digits: int = 1) -> str:
    """A difference of two shares, in hundredths, always with its sign: −0.3 points."""
    value = round(100 * fraction, digits)
    sign = "+" if value > 0 else MINUS if value < 0 else "±"
    return f"{sign}{abs(value):.{digits}f} points"


def drop(hundredths: float) -> str:
    """What a budget allows: "1 point lost", "0.5 points lost"."""
    number = f"{hundredths:g}"
    return f"{number} {'point' if number == '1' else 'points'} lost"


def measured(measurement: Measurement | None) -> str:
    """The value alone, or a dash where it is not known."""
    return "–" if measurement is None else number(measurement.metric, measurement.value)


def interval(measurement: Measurement) -> str:
    """The 95 % interval, or nothing where the number is exact: "92.1 to 93.1 %"."""
    if measurement.low == measurement.high:
        return ""
    low, high = number(measurement.metric, measurement.low), number(measurement.metric, measurement.high)
    number_low, unit = low.rsplit(" ", 1)
    return f"{number_low} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def times(ratio: float, smaller: str, larger: str) -> str:
    """after / before in words: times(0.25, "smaller", "larger") is "4.00× smaller", and 1 is SAME."""
    if abs(ratio - 1) < 0.005:
        return SAME
    if ratio <= 0:
        return "–"
    return f"{significant(1 / ratio)}× {smaller}" if ratio <= 1 else f"{significant(ratio)}× {larger}"


def duration(seconds: float) -> str:
    """0.8 s, 12 s, 3 min, 1 h 20 min."""
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def step(item: dict[str, dict[str, Any] | None]) -> str:
    """One step of a recipe: {"prune_channels": {"sparsity": 0.5}} is "prune channels (sparsity 0.5)"."""
    ((name, settings),) = item.items()
    inside = ", ".join(f"{key.replace('_', ' ')} {_plain(value)}" for key, value in (settings or {}).items())
    return name.replace("_", " ") + (f" ({inside})" if inside else "")


def recipe(steps: list[dict[str, Any]]) -> str:
    """A recipe on one line; the empty one is the network as it came."""
    return " → ".join(step(item) for item in steps) or "uncompressed"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return " and ".join(map(str, value))
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    return str(value)
