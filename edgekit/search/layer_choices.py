"""What single layers may be given, each on an axis from mild to harsh, and the recipe that a choice for each makes.

A recipe prunes before it quantizes. It holds nothing but what was chosen: other layers are left as they are, unless
activations become integers, for which every layer needs codes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from typing import Any

Steps = list[dict[str, dict[str, Any]]]
Chosen = Mapping[str, Mapping[str, float]]  # id of an axis -> layer -> one of its values
SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))


@dataclass(frozen=True)
class Axis:
    """One way in which a layer can be compressed.

    Attributes:
        title, heading: for people, long and short.
        technique, setting: what does it.
        values: that the setting may have, from mild to harsh.
        percent: whether a value is a share.
    """

    id: str
    title: str
    heading: str
    technique: str
    setting: str
    values: tuple[float, ...]
    percent: bool = True

    def text(self, value: float) -> str:
        """A value as a person reads it: "4 bits", "50 %"."""
        return f"{100 * value:.0f} %" if self.percent else f"{value:g} bits"


AXES = {
    axis.id: axis
    for axis in [
        Axis("bits", "Bits of the weights", "Bits", "quantize_weights", "bits", (8, 7, 6, 5, 4, 3, 2), percent=False),
        Axis("weights", "Weights set to zero", "Zeros", "prune_weights", "sparsity", SHARES),
        Axis("channels", "Channels removed", "Channels", "prune_channels", "sparsity", SHARES),
        Axis("rank", "Weights kept as a product of low rank", "Low rank", "factorize", "keep", (0.75, 0.5, 0.25, 0.1)),
    ]
}


def recipe(chosen: Chosen, layers: Sequence[str], integers: bool = False) -> Steps:
    """The steps that give each layer what was chosen for it.

    Args:
        layers: all that have bits, in the order of the network.
        integers: whether activations become 8-bit integers too; layers without a choice then get 8 bits.
    """
    plain = {axis: dict(values) for axis, values in chosen.items() if values}
    steps: Steps = []
    if "channels" in plain:
        steps.append({"prune_channels": {"sparsity": 0.0, "layers": _own(plain["channels"], "sparsity")}})
    if "rank" in plain:
        steps.append({"factorize": {"keep": 1.0, "edges": True, "layers": _own(plain["rank"], "keep")}})
    parts = set(plain.get("rank", ()))  # layers that may be called otherwise from here on
    if "weights" in plain:
        own = _own(plain["weights"], "sparsity", parts)
        steps.append({"prune_weights": {"sparsity": 0.0, "scope": "per layer", "layers": own}})
    if "bits" in plain or integers:
        steps.append({"quantize_weights": _rounding(plain.get("bits", {}), layers, integers, parts)})
    return steps


def _rounding(bits: Mapping[str, float], layers: Sequence[str], integers: bool, parts: set[str]) -> dict[str, Any]:
    """Settings: the most frequent number of bits for all, and other numbers for those that differ."""
    usual = 8 if integers else int(Counter(bits.values()).most_common(1)[0][0])
    settings: dict[str, Any] = {"bits": usual, "edge_bits": usual}
    if integers:
        settings |= {"activations": "int8"}
    else:
        others = [pattern for name in layers if name not in bits for pattern in _patterns(name, parts)]
        settings |= {"skip": others} if others else {}
    other = {name: int(count) for name, count in bits.items() if count != usual}
    return settings | ({"layers": _own(other, "bits", parts)} if other else {})


def _own(values: Mapping[str, float], setting: str, parts: set[str] = frozenset()) -> dict[str, dict[str, Any]]:
    return {pattern: {setting: value} for name, value in values.items() for pattern in _patterns(name, parts)}


def _patterns(name: str, parts: set[str]) -> list[str]:
    """What fits a layer, and its factors if it has become a product."""
    return [escape(name)] + ([f"{escape(name)}.*"] if name in parts else [])
