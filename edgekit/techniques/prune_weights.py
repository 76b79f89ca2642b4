"""Magnitude pruning: the weights nearest to zero become zero.  w ← w · [|w| > t], with t the sparsity-quantile of |w|

One threshold serves the whole network (scope "global") or each layer has its own ("per layer"). With a pattern, every
M neighbours along a layer's inputs keep their N largest instead: the 2:4 of NVIDIA's sparse tensor cores, or 4:8. As in
NVIDIA's tool, layers whose number of inputs is no multiple of M (a first layer that sees 3 colours) are left alone.

Costs: nothing at run time, one sort of the weights. The file keeps its size on disk and its speed on a processor; what
shrinks is the file once compressed for shipping, and time on hardware that skips zeros.
When it fails: above about 80 % zeros without fine-tuning, sooner in small networks; "per layer" hurts the first and
last layers most, which have few weights to spare.
Reference: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", arXiv:1506.02626;
patterns: Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks", arXiv:2104.08378.
"""

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._layers import pools, weight_layers

KEPT = {"2:4": (2, 4), "4:8": (4, 8)}  # pattern -> weights kept, of how many neighbours


class PruneWeights(Layerwise, NetworkTechnique):
    """Settings of magnitude pruning; see the module docstring."""

    sparsity: Annotated[float, Knob(unit="share", step=0.05, help="Share of the weights set to zero.")] = Field(
        0.5, ge=0, le=0.99
    )
    scope: Annotated[
        Literal["global", "per layer"],
        Knob(help="Compare weights across the whole network, or within each layer. A pattern needs no scope."),
    ] = "global"
    pattern: Annotated[
        Literal["none", "2:4", "4:8"],
        Knob(help="Keep N of every M neighbouring weights, for hardware that skips zeros. Fixes the sparsity at 0.5."),
    ] = "none"

    title, family = "Magnitude pruning", "Pruning"
    reference = "Han et al. 2015, arXiv:1506.02626"
    needs = frozenset({Fact.FLOAT_WEIGHTS})
    identity = {"sparsity": 0.0}

    @model_validator(mode="after")
    def _pattern_fixes_the_sparsity(self) -> Self:
        if self.pattern != "none" and self.sparsity != 0.5:
            raise ValueError(
                f"pattern {self.pattern} zeroes half of the weights, so sparsity must be 0.5, not {self.sparsity:g}. "
                "Leave sparsity out, or set pattern to none."
            )
        return self

    @torch.no_grad()
    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Zero the smallest weights. Raises NothingToDo if every weight that would be zeroed is zero already."""
        named = [(name, layer, self.for_layer(name)) for name, layer in weight_layers(network)]
        layers = [(layer, settings) for _, layer, settings in named if settings is not None]
        masks = dict(zip((layer for layer, _ in layers), _smallest(layers), strict=True))
        changes = []
        for name, layer in bench.each((name, layer) for name, layer, settings in named if settings is not None):
            if not (layer.weight[masks[layer]] != 0).any():
                continue
            layer.weight[masks[layer]] = 0
            zeros, count = int((layer.weight == 0).sum()), layer.weight.numel()
            changes.append(Change(name, f"{zeros:,} of {count:,} weights are zero"))
        if not changes:
            raise NothingToDo(
                f"{self.title} found no weight to zero at sparsity {self.sparsity:g} with pattern {self.pattern}. "
                "Raise sparsity, skip fewer layers, or remove the step."
            )
        return Applied(network, changes)


def _smallest(layers: list[tuple[nn.Module, PruneWeights]]) -> list[Tensor]:
    """For each layer a mask in the shape of its weight: True where the weight goes."""
    masks: list[Tensor] = [_outside_pattern(layer, settings.pattern) for layer, settings in layers]
    for pool in pools([settings for _, settings in layers]):
        settings, weights = layers[pool[0]][1], [layers[number][0].weight for number in pool]
        if settings.pattern != "none":
            continue
        sizes = torch.cat([weight.abs().flatten() for weight in weights])
        gone = sizes.topk(round(settings.sparsity * len(sizes)), largest=False, sorted=False).indices
        flat = torch.zeros(len(sizes), dtype=torch.bool).index_fill_(0, gone, True)
        parts = flat.split([weight.numel() for weight in weights])
        for number, weight, part in zip(pool, weights, parts, strict=True):
            masks[number] = part.view(weight.shape)
    return masks


def _outside_pattern(layer: nn.Module, pattern: str) -> Tensor:
    """True for all but the N largest of every M neighbours along the inputs; True nowhere if M does not divide them."""
    kept, of = KEPT.get(pattern, (1, 1))
    axis = 0 if getattr(layer, "transposed", False) else 1
    weight = layer.weight.movedim(axis, -1)  # (out, ..., in)
    if weight.shape[-1] % of:
        return torch.zeros_like(layer.weight, dtype=torch.bool)
    order = weight.abs().reshape(-1, of).argsort(dim=1, stable=True)  # (groups, of), smallest first
    gone = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, : of - kept], True)
    return gone.view(weight.shape).movedim(-1, axis)
