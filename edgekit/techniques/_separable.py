"""A convolution as two: one that filters each channel by itself, and one that mixes channels in each pixel.

For each input channel the kernels of all outputs are a matrix (outputs, kh · kw). Its r largest singular triples give
r filters (the right vectors) and how much of each goes to every output (left vectors times singular values): of all
matrices of rank r the nearest in least squares (Eckart and Young 1936).
"""

import torch
from torch import Tensor, nn


class Separable(nn.Module):
    """Filters of single channels, then a 1 × 1 convolution.

    For several filters a channel the channels are repeated, and each copy has one. One convolution with several outputs
    a channel would be the same, but ONNX Runtime was seen to take 2 times as long for it in float, and 30 in 8 bits.
    """

    def __init__(self, depthwise: nn.Conv2d, pointwise: nn.Conv2d, multiplier: int):
        super().__init__()
        self.depthwise, self.pointwise, self.multiplier = depthwise, pointwise, multiplier

    def forward(self, maps: Tensor) -> Tensor:
        repeated = torch.cat([maps] * self.multiplier, 1) if self.multiplier > 1 else maps
        return self.pointwise(self.depthwise(repeated))


def can_be_separated(layer: nn.Module, multiplier: int) -> bool:
    """Whether a layer is a convolution over channels and space at once, and two would need fewer weights."""
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1 or max(layer.kernel_size) == 1:
        return False
    area = layer.kernel_size[0] * layer.kernel_size[1]
    return multiplier * (area + layer.out_channels) < area * layer.out_channels


@torch.no_grad()
def separated(layer: nn.Conv2d, multiplier: int) -> tuple[Separable, float]:
    """The nearest pair of convolutions, and the share of the squared weights that it keeps.

    Args:
        multiplier: filters for each input channel.
    """
    outs, ins, *kernel = layer.weight.shape
    filters, mixing, kept = nearest(layer.weight.flatten(2), multiplier)
    count = filters.shape[1]
    between = count * ins  # the first filters of all channels, then the second
    where = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    where |= {"padding_mode": layer.padding_mode, "groups": between, "bias": False}
    depthwise = nn.Conv2d(between, between, kernel, **where, device="meta")  # "meta": draws no random weights
    depthwise.weight = nn.Parameter(filters.transpose(0, 1).reshape(between, 1, *kernel).contiguous())
    pointwise = nn.Conv2d(between, outs, 1, bias=False, device="meta")
    pointwise.weight = nn.Parameter(mixing.transpose(1, 2).reshape(outs, between, 1, 1).contiguous())
    pointwise.bias = layer.bias
    return Separable(depthwise, pointwise, count), kept


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
