"""Which weights go. Whatever is compared lies in one row, and of every row the share with the least scores goes.

What a row holds is all there is to a pattern or a scope: the weights of many layers, of one, of one output, the M
neighbours of an N:M pattern; or, instead of weights, the norms of whole kernels.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Pattern = Literal["none", "kernel", "2:4", "4:8"]
NEIGHBOURS = {"2:4": 4, "4:8": 8}  # pattern -> M, of which half go
ZERO_ALREADY = -1.0  # below every score, so that what is zero is the first to go and masks can only grow


@dataclass(frozen=True)
class Scored:
    """The weights of one layer as pruning sees them.

    Attributes:
        scores: none below zero, in the shape of the weight; the less, the sooner it goes.
        zero: True where the weight is zero already.
        inputs: the weight's axis of input channels, 0 or 1; outputs are along the other one.
        share: of the weights (with pattern "kernel", of the kernels) that go.
        pattern: what goes together.
        pool: layers whose pool is equal are compared with one another.
        by_output: compare the weights of each output among themselves.
        relative: compare with other layers by what a score is of its own layer, so that a factor that all scores of the
            layer share does not count: s² / Σ s'² over all s' ≥ s. That is LAMP: Lee et al. 2021, arXiv:2010.07611.
    """

    scores: Tensor
    zero: Tensor
    inputs: int
    share: float
    pattern: Pattern
    pool: Hashable
    by_output: bool = False
    relative: bool = False

    @property
    def fits(self) -> bool:
        """Whether the pattern can be laid over this weight: it has kernels, or inputs that fill the neighbourhoods."""
        if self.pattern == "kernel":
            return self.scores.dim() > 2
        return self.scores.shape[self.inputs] % NEIGHBOURS.get(self.pattern, 1) == 0

    def rows(self) -> Tensor:
        """What is compared, (rows, n); what is zero already comes first."""
        if self.pattern == "kernel":
            # The root of the mean square orders kernels of one size as their norm does, and is fair to other sizes.
            scores = self.scores.flatten(2).square().mean(2).sqrt().reshape(1, -1)  # (1, out · in)
            zero = self.zero.flatten(2).all(2).reshape(1, -1)
        else:
            scores, zero = self._laid_out(self.scores), self._laid_out(self.zero)
        if self.relative:
            scores = _of_its_layer(scores)
        return scores.masked_fill(zero, ZERO_ALREADY)

    def mask(self, rows: Tensor) -> Tensor:
        """From what is True in `rows` to a mask in the shape of the weight."""
        shape = self.scores.shape
        if self.pattern == "kernel":
            return rows.reshape(*shape[:2], *[1] * (len(shape) - 2)).expand(shape)
        if self.pattern in NEIGHBOURS:
            last = self.scores.movedim(self.inputs, -1).shape
            return rows.reshape(last).movedim(-1, self.inputs)
        if self.by_output:
            first = self.scores.movedim(1 - self.inputs, 0).shape
            return rows.reshape(first).movedim(0, 1 - self.inputs)
        return rows.reshape(shape)

    def _laid_out(self, values: Tensor) -> Tensor:
        if self.pattern in NEIGHBOURS:
            return values.movedim(self.inputs, -1).reshape(-1, NEIGHBOURS[self.pattern])
        if self.by_output:
            return values.movedim(1 - self.inputs, 0).flatten(1)
        return values.reshape(1, -1)


def going(layers: Iterable[Scored], part: float = 1.0) -> list[Tensor]:
    """For each layer a mask in the shape of its weight: True where the weight goes, or is zero already.

    Args:
        layers: all fit their pattern.
        part: of each layer's share that goes for now.
    """
    layers = list(layers)
    masks: list[Tensor] = [layer.zero for layer in layers]
    pools: dict[Hashable, list[int]] = {}
    for number, layer in enumerate(layers):
        pools.setdefault(layer.pool, []).append(number)
    for pool in pools.values():
        rows = [layers[number].rows() for number in pool]
        gone = _least(torch.cat(rows, 1), part * layers[pool[0]].share)  # one layer, or one row of each
        for number, row in zip(pool, gone.split([row.shape[1] for row in rows], 1), strict=True):
            masks[number] = layers[number].zero | layers[number].mask(row)
    return masks


def _of_its_layer(rows: Tensor) -> Tensor:
    """s² / Σ s'² over all s' ≥ s, for the scores (1, n) of one layer."""
    squares, order = rows.double().square().sort(stable=True)
    rest = squares.flip(1).cumsum(1).flip(1)  # of itself and all that follow
    return torch.empty_like(squares).scatter_(1, order, squares / rest.clamp_min(1e-300))


def _least(rows: Tensor, share: float) -> Tensor:
    """True for the least round(share · n) of every row of (rows, n)."""
    chosen = rows.topk(round(share * rows.shape[1]), dim=1, largest=False, sorted=False).indices
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, chosen, True)
