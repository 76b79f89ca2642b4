"""What a person asks of a file, in any mix: "size=500KB", "latency=0.6x", "fps=30", "accuracy_drop=1".

Latency, frames, energy and power may be asked for on a device: "latency@raspberry-pi-4=30ms". What that is held against
is an estimate, unless somebody brought back what the board really took. Power is an average at a rate, as a device that
waits takes less: "power@raspberry-pi-4=4W@30fps".

An amount followed by x is a share of the original network's. A limit is held by what was measured of a run, beside what
was measured of its own baseline; a number that is not known holds nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from edgekit.core.budget import Limit
from edgekit.core.errors import SettingError, unknown
from edgekit.core.measurement import QUALITIES, Measurement, quality
from edgekit.core.run import Run
from edgekit.devices.catalog import device

BYTES = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
LEAST_ERROR = 1e-3  # errors below this share count as this many, so that a limit of 100 % can be compared with


@dataclass(frozen=True)
class Kind:
    """Something that can be limited.

    Attributes:
        metric: what is measured of it; empty for what says how good a file is.
        units: unit -> how many of the metric's own; the first is meant where none is written.
        example: as a person may write it.
        times: whether it may be a share of the original's.
        on_device: whether it may be asked for on a device.
        at_a_rate: whether it is of so many answers a second, which stand behind the amount.
    """

    metric: str
    units: Mapping[str, float]
    example: str
    times: bool = True
    on_device: bool = False
    at_a_rate: bool = False


KINDS = {
    "size": Kind("size_bytes", BYTES, "size=500KB"),
    "shipped": Kind("shipped_bytes", BYTES, "shipped=400KB"),
    "latency": Kind("latency_ms", {"ms": 1, "us": 1e-3, "µs": 1e-3, "s": 1e3}, "latency=5ms", on_device=True),
    "fps": Kind("latency_ms", {"": 1, "fps": 1}, "fps=30", times=False, on_device=True),
    "energy": Kind(
        "energy_mj", {"mJ": 1, "uJ": 1e-3, "µJ": 1e-3, "J": 1e3}, "energy@raspberry-pi-4=5mJ", on_device=True
    ),
    "power": Kind("power_w", {"W": 1, "mW": 1e-3}, "power@raspberry-pi-4=4W@30fps", on_device=True, at_a_rate=True),
    "memory": Kind("peak_memory_bytes", BYTES, "memory=20MB"),
    "macs": Kind("macs", {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}, "macs=10M"),
    "accuracy": Kind("", {"": 1, "%": 0.01}, "accuracy=90%", times=False),
    "accuracy_drop": Kind("", {"": 1, "points": 1, "%": 1}, "accuracy_drop=1", times=False),
}
OTHER_NAMES = {"drop": "accuracy_drop"}
NEED_A_DEVICE = ("energy", "power")


class Wish(BaseModel, frozen=True):
    """One limit as it was asked for.

    Attributes:
        name: a key of KINDS.
        amount: in the metric's own unit; frames a second, a fraction (accuracy), or points (accuracy_drop).
        times: whether the amount is a share of the original's.
        device: id of the device on which it counts; empty for this computer.
        rate: answers a second, where that matters; else 0.
    """

    name: str
    amount: float
    times: bool = False
    device: str = ""
    rate: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Wish:
        """ "size=500KB" as a wish.

        Raises:
            SettingError: no such limit, a unit that it does not have, or an amount that nothing can hold.
        """
        name, equals, amount = (part.strip() for part in text.partition("="))
        name, _, where = name.partition("@")
        name = OTHER_NAMES.get(name, name)
        if name not in KINDS:
            raise SettingError(unknown("limit", name, KINDS))
        kind = KINDS[name]
        _check_device(name, kind, where)
        amount, rate = _split_rate(kind, amount)
        number = re.fullmatch(r"([0-9.]+(?:e[+-]?[0-9]+)?)\s*(\S*)", amount, re.IGNORECASE)
        if not equals or not number or number[1].count(".") > 1:
            raise SettingError(f"a limit must be a name with an amount, such as {kind.example}, not '{text}'.")
        value, unit = float(number[1]), number[2]
        times = unit in ("x", "×", "×the original's")
        if times and where:
            raise SettingError(f"{name} on a device cannot be a share of the original's. Write it as {kind.example}.")
        if times and not kind.times:
            raise SettingError(f"{name} cannot be a share of the original's. Write it as {kind.example}.")
        if not times:
            value *= _factor(name, kind, unit, may_be_share=kind.times and not where)
        _check(name, kind, value, text)
        return cls(name=name, amount=value, times=times, device=where, rate=rate)

    def __str__(self) -> str:
        """As `parse` reads it."""
        kind = KINDS[self.name]
        if self.times:
            return f"{self.asked}={self.amount:g}x"
        fitting = [(factor, unit) for unit, factor in kind.units.items() if 1 <= factor <= self.amount and unit]
        factor, unit = max((f for f in fitting if "i" not in f[1]), default=(1, "")) if kind.times else (1, "")
        unit = unit or (next(iter(kind.units)) if kind.times else "")
        rate = f"@{self.rate:g}fps" if self.rate else ""
        return f"{self.asked}={self.amount / factor:.6g}{unit}{rate}"

    @property
    def asked(self) -> str:
        """What is limited: "latency", or "latency@raspberry-pi-4"."""
        return f"{self.name}@{self.device}" if self.device else self.name

    def limit(self, baseline: Mapping[str, Measurement]) -> Limit:
        """The worst value that still holds it.

        Args:
            baseline: what was measured of the uncompressed network, on the same samples and in the same minute.
        """
        kind = KINDS[self.name]
        if self.name in ("accuracy", "accuracy_drop"):
            before = quality(baseline)
            metric = before.metric if before else QUALITIES[0]
            worst = self.amount if self.name == "accuracy" else before.value - self.amount / 100 if before else math.inf
            return Limit(metric=metric, worst=worst)
        if self.name == "fps":
            return Limit(metric=kind.metric, worst=1000 / self.amount, device=self.device)
        if not self.times:
            return Limit(metric=kind.metric, worst=self.amount, device=self.device, rate=self.rate)
        before = baseline.get(kind.metric)
        return Limit(metric=kind.metric, worst=self.amount * before.value if before else 0.0)


@dataclass(frozen=True)
class Miss:
    """A limit that is not held.

    Attributes:
        wish: the limit as it was asked for.
        text: which number misses it, and what it would have to be.
        by: how far off, as a share of the limit (of the errors that it allows, where it is about quality); infinite
            where the number is not known.
    """

    wish: str
    text: str
    by: float


def parse_all(texts: Iterable[str]) -> list[Wish]:
    """All limits, or one SettingError that says all that is wrong with them."""
    wishes, problems = [], []
    for text in texts:
        try:
            wishes.append(Wish.parse(text))
        except SettingError as error:
            problems.append(str(error))
    names = [wish.asked for wish in wishes]
    problems += [
        f"the limit {name} is given twice. Give it once." for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    if problems:
        raise SettingError("\n".join(problems))
    return wishes


def misses(wishes: Iterable[Wish], found: Mapping[str, Measurement], baseline: Mapping[str, Measurement]) -> list[Miss]:
    """The limits that are not held by what was measured of a file, the farthest first; none if it holds all."""
    missed = []
    for wish in wishes:
        limit = wish.limit(baseline)
        measured = found.get(limit.key)
        if text := limit.miss(measured):
            missed.append(Miss(str(wish), text, _excess(limit, measured)))
    return sorted(missed, key=lambda miss: -miss.by)


def allowed(metric: str, wishes: Iterable[Wish], baseline: Mapping[str, Measurement]) -> float | None:
    """The most of a metric on this computer that holds every limit, as a share of the original's; None without one."""
    limits = [wish.limit(baseline) for wish in wishes if not wish.device]
    worst = [limit.worst / baseline[metric].value for limit in limits if limit.metric == metric]
    return min(worst, default=None)


def known(run: Run, wishes: Iterable[Wish]) -> dict[str, Measurement]:
    """What limits are held against: what was measured of a run, and what is foreseen of it on devices they name."""
    there = [wish.limit({}) for wish in wishes if wish.device]
    if not there:
        return dict(run.measurements)
    from edgekit.devices.foreseen import foreseen

    return run.measurements | foreseen(run, there)


def _excess(limit: Limit, measured: Measurement | None) -> float:
    if measured is None:
        return math.inf
    if limit.metric in QUALITIES:
        return (1 - measured.value) / max(1 - limit.worst, LEAST_ERROR) - 1
    return measured.value / limit.worst - 1 if limit.worst > 0 else math.inf


def _split_rate(kind: Kind, amount: str) -> tuple[str, float]:
    """ "4W@30fps" as "4W" and 30."""
    if not kind.at_a_rate:
        return amount, 0.0
    amount, _, rate = amount.partition("@")
    number = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*(fps)?", rate.strip(), re.IGNORECASE)
    if not number or not float(number[1]):
        raise SettingError(f"average power needs a rate, such as {kind.example}.")
    return amount.strip(), float(number[1])


def _factor(name: str, kind: Kind, unit: str, may_be_share: bool) -> float:
    units = {known.lower(): factor for known, factor in kind.units.items()}
    if unit.lower() not in units and unit:
        written = ", ".join(known for known in kind.units if known) + (", or x for a share" if may_be_share else "")
        raise SettingError(f"{name} has no unit '{unit}'. There are: {written}.")
    return units.get(unit.lower(), next(iter(kind.units.values())))


def _check_device(name: str, kind: Kind, where: str) -> None:
    if where and not kind.on_device:
        raise SettingError(f"{name} is the same on every device. Write it as {kind.example}.")
    if where:
        device(where)
    elif name in NEED_A_DEVICE:
        raise SettingError(f"a limit on {name} needs a device, such as {kind.example}.")


def _check(name: str, kind: Kind, value: float, text: str) -> None:
    if name == "accuracy" and not 0 < value <= 1:
        raise SettingError(f"accuracy must be a fraction or a percentage, such as 0.9 or 90%, not '{text}'.")
    if name == "accuracy_drop" and not 0 <= value <= 100:
        raise SettingError(f"accuracy_drop must be from 0 to 100 points, not '{text}'.")
    if name != "accuracy_drop" and not (0 < value < math.inf):
        raise SettingError(f"{name} must be above 0, such as {kind.example}, not '{text}'.")
