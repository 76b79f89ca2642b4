"""What articles say that networks do on devices, beside what we estimate of the same networks.

Milliseconds of different hardware, runtimes and versions are not compared; the ratios inside one source are.

    articles.yaml    the claims
    articles.json    the networks layer by layer; written by `python -m tests.benchmarks.devices --write`
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import BaseModel

from edgekit.devices.estimate import Estimate, estimate
from edgekit.devices.layers import BYTES, Layer, Precision, total_weights
from edgekit.devices.liveness import Peak
from edgekit.devices.read import Network

CLAIMS, NETWORKS = Path(__file__).with_name("articles.yaml"), Path(__file__).with_name("articles.json")


class Claim(BaseModel, frozen=True, extra="forbid"):
    """One row of an article.

    Attributes:
        network, title: a key of articles.json, and what to call it.
        device: of our catalog; precision as it would run there.
        against: the place of the row in the same article that the ratio is to; None for that row itself.
    """

    network: str
    title: str
    device: str
    where: str
    precision: Precision
    latency_ms: float
    against: int | None = None


@dataclass(frozen=True)
class Beside:
    """A claim with our estimate, and both ratios to the row that it is compared with (how many times as quick)."""

    claim: Claim
    estimate: Estimate
    said: float | None
    ours: float | None


@functools.cache
def claims() -> list[Claim]:
    """All rows, in the order in which they are shown."""
    return [Claim.model_validate(row) for row in yaml.safe_load(CLAIMS.read_text("utf-8"))]


def beside() -> list[Beside]:
    """Every claim with our estimate of the same network on the same device."""
    rows = claims()
    found = [estimate(network(claim.network, claim.precision), claim.device) for claim in rows]

    def times(n: int, base: int | None) -> float | None:
        both = None if base is None else (found[base].latency_ms, found[n].latency_ms)
        return both[0].value / both[1].value if both and all(both) else None

    return [
        Beside(
            claim,
            found[n],
            None if claim.against is None else rows[claim.against].latency_ms / claim.latency_ms,
            times(n, claim.against),
        )
        for n, claim in enumerate(rows)
    ]


def network(name: str, precision: Precision) -> Network:
    """One of the articles' networks, as if all of it were in one precision."""
    layers = tuple(replace(layer, precision=precision) for layer in _layers()[name])
    weights = BYTES[precision] * total_weights(layers)
    return Network(name, f"{name}-{precision}", layers, Peak(0, ""), weights, weights, precision, False, False)


@functools.cache
def _layers() -> dict[str, list[Layer]]:
    held = json.loads(NETWORKS.read_text("utf-8"))
    return {
        name: [Layer(**dict(zip(held["columns"], row, strict=True))) for row in held[name]] for name in held["names"]
    }
