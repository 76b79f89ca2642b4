"""Fits the rates of a device to published latencies, and says how far off a network is that was left out.

All parameters are positive, so their logarithms are fitted, by least squares on the logarithms of the times
(Levenberg-Marquardt). Weak priors keep what the rows do not tell near what is usual: 8 networks cannot fix 9 numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from edgekit.devices.cost import DENSE, Accelerator, Cycles, Rates, Roofline, milliseconds
from edgekit.devices.layers import BYTES, Layer, Precision

KINDS = ("c3", "conv", "pw", "gconv", "dw", "fc")
NOISE = 0.1  # what the logarithm of a published time is off by
LOOSE = 0.6  # how far the logarithm of a parameter may be from its prior
USUAL = {"c3": 2.4, "conv": 0.85, "pw": 1.0, "gconv": 0.25, "dw": 0.2, "fc": 0.5}  # rates beside that of 1 x 1


@dataclass(frozen=True)
class Seen:
    """A published row: the network and what it took."""

    name: str
    layers: Sequence[Layer]
    latency_ms: float


@dataclass(frozen=True)
class Fitted:
    """Rates, and for every network what is estimated of it by rates that were fitted without it."""

    rates: Rates
    left_out: dict[str, float]  # network -> estimate / published

    @property
    def error(self) -> float:
        """The mean error of networks that were left out."""
        return float(np.mean([abs(ratio - 1) for ratio in self.left_out.values()]))

    @property
    def band(self) -> float:
        """The factor that holds 80 % of them, on either side."""
        return float(np.exp(np.quantile(np.abs(np.log(list(self.left_out.values()))), 0.8)))


def fit(seen: Sequence[Seen], start: Rates, precision: Precision, loose: float = LOOSE) -> Fitted:
    """Rates for all rows, and leave-one-network-out estimates.

    Args:
        start: of the same form, and the prior where `seen` does not tell.
    """
    made = _rates(seen, start, precision, loose)
    left_out = {}
    for name in dict.fromkeys(one.name for one in seen):
        others = [one for one in seen if one.name != name]
        rates = _rates(others, start, precision, loose)
        ratios = [milliseconds(rates, one.layers, precision) / one.latency_ms for one in seen if one.name == name]
        left_out[name] = float(np.exp(np.mean(np.log(ratios))))
    return Fitted(made, left_out)


def usual(seen: Sequence[Seen]) -> Roofline:
    """A prior for a processor: usual proportions, and the speed that makes the middle network right."""
    start = Roofline(rates=USUAL, bandwidth=0.4, overhead_us=10, narrow=10)
    factor = float(np.median([milliseconds(start, one.layers, "fp32") / one.latency_ms for one in seen]))
    return start.model_copy(
        update={"rates": {kind: rate * factor for kind, rate in USUAL.items()}, "bandwidth": 0.4 * factor}
    )


def _rates(seen: Sequence[Seen], start: Rates, precision: Precision, loose: float) -> Rates:
    terms = {Roofline: _Roofline, Cycles: _Linear, Accelerator: _Linear}[type(start)](seen, start, precision)
    goal, prior = np.log([one.latency_ms for one in seen]), terms.prior

    def residuals(x: np.ndarray) -> np.ndarray:
        return np.concatenate([(np.log(terms.times(x)) - goal) / NOISE, (x - prior) / (loose * terms.width)])

    def slopes(x: np.ndarray) -> np.ndarray:
        return np.concatenate([terms.slopes(x) / NOISE, np.diag(1 / (loose * terms.width))])

    return terms.made(least_squares(residuals, prior, slopes, loss="soft_l1", f_scale=2.0).x)


class _Roofline:
    """Parameters: log rates of KINDS, bandwidth, overhead, narrow."""

    def __init__(self, seen: Sequence[Seen], start: Roofline, precision: Precision):
        layers = [(number, layer) for number, one in enumerate(seen) for layer in one.layers]
        self.owner = np.array([number for number, _ in layers])
        self.kind = np.array([KINDS.index(layer.kind) if layer.macs else -1 for _, layer in layers])
        self.macs = np.array([layer.macs for _, layer in layers]) / 1e6
        edges = [1 / a.cin + 1 / a.cout if a.macs and a.kind in DENSE else 0.0 for _, a in layers]
        self.edges = np.array(edges)
        each = BYTES[precision]
        self.bytes = np.array([each * (a.weights + a.inputs + a.outputs) for _, a in layers]) / 1e6
        self.rows = len(seen)
        self.prior = np.log([*(start.rates[kind] for kind in KINDS), start.bandwidth, start.overhead_us, start.narrow])
        self.width = np.array([1, 1, 1, 1, 1, 0.3, 1, 1.5, 1.5])

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        p = np.exp(x)
        plain = np.where(self.kind >= 0, self.macs / p[self.kind], 0.0)
        narrow = plain * p[8] * self.edges
        memory = self.bytes / p[6]
        return plain, narrow, memory, plain + narrow >= memory, p[7] / 1e3

    def times(self, x: np.ndarray) -> np.ndarray:
        plain, narrow, memory, computes, call = self._parts(x)
        return np.bincount(self.owner, np.where(computes, plain + narrow, memory) + call, self.rows)

    def slopes(self, x: np.ndarray) -> np.ndarray:
        plain, narrow, memory, computes, call = self._parts(x)
        times = self.times(x)
        columns = [
            -np.bincount(self.owner, np.where(computes & (self.kind == k), plain + narrow, 0.0), self.rows)
            for k in range(len(KINDS))
        ]
        columns.append(-np.bincount(self.owner, np.where(computes, 0.0, memory), self.rows))
        columns.append(np.bincount(self.owner, np.full(len(self.owner), call), self.rows))
        columns.append(np.bincount(self.owner, np.where(computes, narrow, 0.0), self.rows))
        return np.stack(columns, 1) / times[:, None]

    def made(self, x: np.ndarray) -> Roofline:
        p = [float(f"{value:.4g}") for value in np.exp(x)]
        return Roofline(rates=dict(zip(KINDS, p, strict=False)), bandwidth=p[6], overhead_us=p[7], narrow=p[8])


class _Linear:
    """Times that are sums of parameters times counts: every parameter that the start has above 0 is fitted."""

    def __init__(self, seen: Sequence[Seen], start: Cycles | Accelerator, precision: Precision):
        self.start, self.names = start, [name for name, value in _numbers(start).items() if value > 0]
        self.counts = np.array(  # (rows, parameters): what each costs where it is 1
            [[_count(start, name, one.layers, precision) for name in self.names] for one in seen]
        )
        self.prior = np.log([_numbers(start)[name] for name in self.names])
        self.sign = np.array(
            [-1.0 if name in ("rate", "weights_gbs", "activations_gbs") else 1.0 for name in self.names]
        )
        self.width = np.full(len(self.names), 2.0)

    def _each(self, x: np.ndarray) -> np.ndarray:
        return self.counts * np.exp(self.sign * x)

    def times(self, x: np.ndarray) -> np.ndarray:
        return self._each(x).sum(1)

    def slopes(self, x: np.ndarray) -> np.ndarray:
        each = self._each(x)
        return self.sign * each / each.sum(1, keepdims=True)

    def made(self, x: np.ndarray) -> Rates:
        return _with(
            self.start, {name: float(f"{value:.4g}") for name, value in zip(self.names, np.exp(x), strict=True)}
        )


def _numbers(rates: Cycles | Accelerator) -> dict[str, float]:
    if isinstance(rates, Cycles):
        return {**rates.per_mac, "per_byte": rates.per_byte, "per_layer": rates.per_layer}
    return rates.model_dump(exclude={"form", "cached_bytes"})


def _with(rates: Cycles | Accelerator, numbers: dict[str, float]) -> Rates:
    if isinstance(rates, Accelerator):
        return rates.model_copy(update=numbers)
    per_mac = {kind: numbers.get(kind, value) for kind, value in rates.per_mac.items()}
    rest = {name: numbers[name] for name in ("per_byte", "per_layer") if name in numbers}
    return rates.model_copy(update={"per_mac": per_mac, **rest})


def _count(rates: Cycles | Accelerator, name: str, layers: Sequence[Layer], precision: Precision) -> float:
    """Milliseconds that the parameter `name` would cost at 1, found by asking the cost model itself."""
    numbers = _numbers(rates)
    nothing = dict.fromkeys(numbers, 0.0) | {other: 1e30 for other in ("rate",) if other in numbers}
    only = _with(rates, nothing | {name: 1.0})
    base = _with(rates, nothing)
    return milliseconds(only, layers, precision) - milliseconds(base, layers, precision)
