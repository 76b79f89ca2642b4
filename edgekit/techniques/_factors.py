"""Writing a layer as a product of thinner ones: where to cut is read off the energy in each direction.

A layer with weights W makes W x. What a product of rank r loses is the energy in the directions that it drops,
E|(W − Ŵ) x|² = tr((W − Ŵ) M (W − Ŵ)ᵀ) with M = E[x xᵀ], the second moments of its inputs; without data M is the
identity, and the energies are the squared singular values of W. In every case the factors are made of eigenvectors:

- "svd" (Linear, 1 × 1): W ≈ U (Uᵀ W), with U those of W M Wᵀ;
- "spatial": the same of the kernel laid out as (out · width) × (in · height): K × 1, then 1 × K;
- "tucker": first 1 × 1 to fewer inputs, then the K × K core, then 1 × 1 to all outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init


@dataclass(frozen=True)
class Way:
    """One way to factorise a layer.

    Attributes:
        method: "svd", "spatial" or "tucker".
        energies: for each rank that is free, the energy of every direction, the largest first.
        weights: ranks -> how many weights the factors hold.
        factors: ranks -> the factors' weights, in the order in which they compute.
        product: factors -> the weights of the one layer that they stand for, in its shape.
    """

    method: str
    energies: tuple[Tensor, ...]
    weights: Callable[[Sequence[int]], int]
    factors: Callable[[Sequence[int]], list[Tensor]]
    product: Callable[[list[Tensor]], Tensor]

    def ranks_for_energy(self, share: float) -> list[int]:
        """The least ranks that drop no more than 1 − `share` of the energy, each an equal part of it."""
        return [_least_rank(energy, (1 - share) / len(self.energies)) for energy in self.energies]

    def ranks_for_weights(self, most: float) -> list[int] | None:
        """The ranks that keep the most energy with at most so many weights; None if even ranks of 1 hold more."""
        if self.weights([1] * len(self.energies)) > most:
            return None
        low, high = 1.0 - len(self.energies), 1.0  # shares of energy: at the first all ranks are 1
        for _ in range(50):
            middle = (low + high) / 2
            fits = self.weights(self.ranks_for_energy(middle)) <= most
            low, high = (middle, high) if fits else (low, middle)
        return self.ranks_for_energy(low)


def can_factorise(layer: nn.Module) -> bool:
    """Plain Linear and two-dimensional convolution without groups, padded with a number of zeros."""
    if type(layer) is nn.Linear:
        return True
    plain = type(layer) is nn.Conv2d and layer.groups == 1
    return plain and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def ways(layer: nn.Module, method: str, moments: Tensor | None) -> list[Way]:
    """The ways in which a layer can be factorised.

    Args:
        method: "spatial", "tucker" or "auto" for both; matters for kernels larger than 1 × 1 alone.
        moments: M, (k, k) float64 and positive definite, k being the inputs that meet one row of weights; None for
            the identity.
    """
    weight = layer.weight.detach().double()  # (out, in) or (out, in, height, width)
    if weight[0, 0].numel() == 1:
        return [_svd(weight, moments)]
    both = {"spatial": _spatial, "tucker": _tucker}
    return [make(weight, moments) for name, make in both.items() if method in ("auto", name)]


@torch.no_grad()
def lost(weight: Tensor, instead: Tensor, moments: Tensor | None) -> float:
    """The share of the energy that is lost by using other weights instead, from 0."""
    whole, missing = (each.double().flatten(1) for each in (weight, weight - instead))
    return float(_energy(missing, moments).trace() / _energy(whole, moments).trace().clamp_min(1e-30))


def thin_layers(layer: nn.Module, method: str, factors: list[Tensor]) -> nn.Sequential:
    """Layers with these weights that stand in for `layer`, whose bias the last one takes over."""
    if isinstance(layer, nn.Linear):
        made = [_linear(factor) for factor in factors]
    elif method == "svd":
        made = [_conv(factors[0], stride=layer.stride, padding=layer.padding), _conv(factors[1])]
    elif method == "tucker":
        made = [_conv(factors[0]), _conv(factors[1], **_geometry(layer)), _conv(factors[2])]
    else:
        (down, across), whole = ((0, 1), _geometry(layer))
        tall = {name: (value[down], 0 if name == "padding" else 1) for name, value in whole.items()}
        wide = {name: (0 if name == "padding" else 1, value[across]) for name, value in whole.items()}
        made = [_conv(factors[0], **tall), _conv(factors[1], **wide)]
    made[-1].bias = layer.bias
    return nn.Sequential(*made)


def _svd(weight: Tensor, moments: Tensor | None) -> Way:
    matrix = weight.flatten(1)  # (out, in)
    energy, directions = _directions(_energy(matrix, moments))
    tail = weight.shape[2:]

    def factors(ranks: Sequence[int]) -> list[Tensor]:
        chosen = directions[:, : ranks[0]]  # (out, r)
        return [(chosen.T @ matrix).reshape(ranks[0], -1, *tail), chosen.reshape(-1, ranks[0], *tail)]

    return Way(
        "svd",
        (energy[: min(matrix.shape)],),
        lambda ranks: ranks[0] * sum(matrix.shape),
        factors,
        lambda made: (made[1].flatten(1) @ made[0].flatten(1)).view_as(weight),
    )


def _spatial(weight: Tensor, moments: Tensor | None) -> Way:
    outs, ins, height, width = weight.shape
    matrix = weight.permute(0, 3, 1, 2).reshape(outs * width, ins * height)
    if moments is not None:  # of what lies under each column of the kernel, summed over its columns
        shape = (ins, height, width)
        moments = torch.einsum("iabjcb->iajc", moments.view(*shape, *shape)).reshape(ins * height, -1)
    energy, directions = _directions(_energy(matrix, moments))

    def factors(ranks: Sequence[int]) -> list[Tensor]:
        chosen = directions[:, : ranks[0]]  # (out · width, r)
        tall = (chosen.T @ matrix).view(ranks[0], ins, height, 1)
        return [tall, chosen.view(outs, width, 1, ranks[0]).permute(0, 3, 2, 1)]  # (r, in, h, 1), (out, r, 1, w)

    return Way(
        "spatial",
        (energy[: min(matrix.shape)],),
        lambda ranks: ranks[0] * sum(matrix.shape),
        factors,
        lambda made: torch.einsum("rih,orw->oihw", made[0].squeeze(3), made[1].squeeze(2)),
    )


def _tucker(weight: Tensor, moments: Tensor | None) -> Way:
    outs, ins, *kernel = weight.shape
    out_energy, out_directions = _directions(_energy(weight.flatten(1), moments))
    root = torch.eye(ins, dtype=weight.dtype)
    if moments is not None:  # of single inputs, summed over the places of the kernel
        shape = (ins, *kernel)
        root = torch.linalg.cholesky(torch.einsum("iabjab->ij", moments.view(*shape, *shape)))
    whitened = torch.einsum("oihw,ij->ojhw", weight, root)
    in_energy, in_directions = _directions(_energy(whitened.transpose(0, 1).flatten(1), None))

    def factors(ranks: Sequence[int]) -> list[Tensor]:
        rank_in, rank_out = ranks
        first = torch.linalg.solve_triangular(root.T, in_directions[:, :rank_in], upper=True).T  # (r, in)
        last = out_directions[:, :rank_out]  # (out, r')
        core = torch.einsum("ojhw,jr,os->srhw", whitened, in_directions[:, :rank_in], last)
        return [first[..., None, None], core, last[..., None, None]]

    return Way(
        "tucker",
        (in_energy[: outs * weight[0, 0].numel()], out_energy[: ins * weight[0, 0].numel()]),
        lambda ranks: ranks[0] * ins + ranks[0] * ranks[1] * weight[0, 0].numel() + ranks[1] * outs,
        factors,
        lambda made: torch.einsum("ri,srhw,os->oihw", made[0].flatten(1), made[1], made[2].flatten(1)),
    )


def _energy(matrix: Tensor, moments: Tensor | None) -> Tensor:
    """W M Wᵀ, (rows, rows)."""
    if moments is None:
        return matrix @ matrix.T
    return matrix @ moments @ matrix.T


def _directions(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, none below zero, and eigenvectors (as columns), the largest first."""
    values, vectors = torch.linalg.eigh(symmetric)
    return values.flip(0).clamp_min(0), vectors.flip(1)


def _least_rank(energy: Tensor, dropped: float) -> int:
    """How many directions to keep so that the rest holds at most this share; at least 1."""
    rest = energy.flip(0).cumsum(0)  # rest[n]: the energy of the n + 1 weakest
    return max(1, len(energy) - int((rest <= dropped * rest[-1]).sum()))


def _linear(weight: Tensor) -> nn.Linear:
    return _filled(skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias=False), weight)


def _conv(weight: Tensor, **geometry: tuple[int, int]) -> nn.Conv2d:
    outs, ins, *kernel = weight.shape
    return _filled(skip_init(nn.Conv2d, ins, outs, tuple(kernel), bias=False, **geometry), weight)


@torch.no_grad()
def _filled(layer: nn.Module, weight: Tensor) -> nn.Module:
    layer.weight.copy_(weight)
    return layer


def _geometry(layer: nn.Conv2d) -> dict[str, tuple[int, int]]:
    return {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
