"""Numbers as a person reads them: 1.20 MB, 0.123 ms, 92.6 %, 12.5 M."""

import math

from edgekit.core.measurement import METRICS

MINUS = "\u2212"


def significant(value: float, digits: int = 3) -> str:
    """Three significant digits without an exponent: 0.0812, 1.24, 87.3, 1230."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")  # first, so that 9.999 becomes 10.0 and not 10.00
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:.{decimals}f}".replace("-", MINUS)


def size(count: float) -> str:
    """Bytes in decimal units, as file managers and shops count them: 322 kB, 1.10 MB."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(count) >= 0.9995 * factor:
            return f"{significant(count / factor)} {unit}"
    return f"{count:.0f} B"


def count(number: float) -> str:
    """Parameters, multiply-accumulates, bits: 77.4 k, 12.5 M."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * factor:
            return f"{significant(number / factor)} {unit}"
    return f"{number:.0f}"


def threads(number: int) -> str:
    """ "1 thread", "4 threads"."""
    return f"{number} thread{'' if number == 1 else 's'}"


def percent(fraction: float, digits: int = 1) -> str:
    """0.9264 as 92.6 %."""
    return f"{100 * fraction:.{digits}f} %".replace("-", MINUS)


def milliseconds(value: float) -> str:
    """0.123 ms, 12.3 ms; a second or more as seconds."""
    return f"{significant(value / 1000)} s" if value >= 1000 else f"{significant(value)} ms"


def number(metric: str, value: float) -> str:
    """A value of any metric in its own words."""
    unit = METRICS[metric].unit
    if unit == "fraction":
        return percent(value)
    if unit == "bytes":
        return size(value)
    if unit == "ms":
        return milliseconds(value)
    if unit in ("mJ", "W"):
        return f"{significant(value)} {unit}"
    return f"{count(value)} {unit}" if unit in ("bits", "MACs") else count(value)
