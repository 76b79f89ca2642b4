"""What the sliders of the Workbench mean as a recipe, and every recipe that they can make.

Order: prune, recover by training, quantize, as Deep Compression found best (Han et al. 2016, arXiv:1510.00149).
"""

from typing import Literal

from pydantic import BaseModel

SPARSITIES = tuple(round(0.05 * i, 2) for i in range(20))  # 0, 0.05, …, 0.95
BITS = (32, 16, 8, 7, 6, 5, 4, 3, 2)


class Sliders(BaseModel, frozen=True, extra="forbid"):
    """Where the sliders stand.

    Attributes:
        sparsity: the share of channels or weights to remove; 2:4 is always one half, so there it only means "on".
        prune: what to remove.
        bits: per weight; 32 leaves floats alone.
        activations: whether activations become 8-bit integers too; means nothing at 32 and 16 bits.
        epochs: of fine-tuning after pruning; 0 for none.
    """

    sparsity: float = 0.0
    prune: Literal["channels", "weights", "2:4"] = "channels"
    bits: Literal[32, 16, 8, 7, 6, 5, 4, 3, 2] = 32
    activations: bool = True
    epochs: int = 0

    def recipe(self) -> list[dict]:
        """The steps as YAML would hold them; empty for the network as it is."""
        recover = [{"fine_tune": {"epochs": self.epochs}}] if self.epochs else []
        return self.pruning() + recover + self.quantization()

    def pruning(self) -> list[dict]:
        """The pruning half: one step or none."""
        if not self.sparsity:
            return []
        if self.prune == "channels":
            return [{"prune_channels": {"sparsity": self.sparsity}}]
        if self.prune == "weights":
            return [{"prune_weights": {"sparsity": self.sparsity}}]
        return [{"prune_weights": {"pattern": "2:4"}}]

    def quantization(self) -> list[dict]:
        """The quantizing half: one step or none."""
        if self.bits == 32:
            return []
        if self.bits == 16:
            return [{"quantize_fp16": {}}]
        if self.bits == 8 and self.activations:
            return [{"quantize_static": {}}]
        activations = "int8" if self.activations else "float"
        return [{"quantize_weights": {"bits": self.bits, "activations": activations}}]


def _distinct(recipes: list[list[dict]]) -> list[list[dict]]:
    return [recipe for i, recipe in enumerate(recipes) if recipe and recipe not in recipes[:i]]


PRUNINGS = _distinct(
    [Sliders(sparsity=s, prune=p).pruning() for p in ("channels", "weights", "2:4") for s in SPARSITIES]
)
QUANTIZATIONS = _distinct([Sliders(bits=b, activations=a).quantization() for b in BITS for a in (True, False)])
