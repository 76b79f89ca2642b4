"""A convolution as two: one that filters each channel by itself, and one that mixes channels in each pixel.

For each input channel the kernels of all outputs are a matrix (outputs, kh · kw). Its r largest singular triples give
r filters (the right vectors) and how much of each goes to every output (left vectors times singular values): of all
matrices of rank r the nearest in least squares (Eckart and Young 1936).
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn


def can_be_separated(layer: nn.Module, multiplier: int) -> bool:
    """Whether a layer is a convolution over channels and space at once, and two would need fewer weights."""
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1 or max(layer.kernel_size) == 1:
        return False
    area = layer.kernel_size[0] * layer.kernel_size[1]
    return multiplier * (area + layer.out_channels) < area * layer.out_channels


@torch.no_grad()
def separated(layer: nn.Conv2d, multiplier: int) -> tuple[nn.Sequential, float]:
    """The nearest pair of convolutions, called "depthwise" and "pointwise", and the share of squared weights it keeps.

    Args:
        multiplier: filters for each input channel.
    """
    outs, ins, *kernel = layer.weight.shape
    filters, mixing, kept = nearest(layer.weight.flatten(2), multiplier)
    between = ins * filters.shape[1]
    where = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    depthwise = nn.Conv2d(
        ins, between, kernel, **where, groups=ins, bias=False, padding_mode=layer.padding_mode, device="meta"
    )  # "meta", here and below: no random weights are drawn only to be replaced
    depthwise.weight = nn.Parameter(filters.reshape(between, 1, *kernel).contiguous())
    pointwise = nn.Conv2d(between, outs, 1, bias=False, device="meta")
    pointwise.weight = nn.Parameter(mixing.reshape(outs, between, 1, 1).contiguous())
    pointwise.bias = layer.bias
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise)), kept


def nearest(weight: Tensor, rank: int) -> tuple[Tensor, Tensor, float]:
    """The nearest that `rank` filters for each input channel come to the kernels of a convolution.

    Args:
        weight: (out, in, area)

    Returns:
        filters (in, rank, area) of length 1, mixing (out, in, rank), and the share of the squared weights they keep.
    """
    left, values, right = torch.linalg.svd(weight.transpose(0, 1).double(), full_matrices=False)  # per input channel
    kept = values[:, :rank].square().sum() / values.square().sum().clamp_min(1e-30)
    mixing = (left[:, :, :rank] * values[:, None, :rank]).transpose(0, 1)  # (out, in, rank)
    return right[:, :rank].to(weight.dtype), mixing.to(weight.dtype), float(kept)
