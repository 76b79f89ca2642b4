"""Rounding that can be trained: values go through their codes forwards, and gradients pass as if nothing had happened.

    out = s · clip(round(x / s), first, last)

Within the range the gradient of x goes straight through. The step s learns as well: from the rounding error of what
lies inside the range, and from the end of the range for what lies beyond. That is LSQ (Esser et al. 2020, "Learned Step
Size Quantization", arXiv:1902.08153), which also says how strongly: times 1 / √(values · last).
"""

import math

import torch
from torch import Tensor, nn

SHRINKS_TO = 0.01  # of where it began: a step must never reach zero


class LearnedStep(nn.Module):
    """Codes of one tensor, from `first` to `last` with zero among them, and the steps between them.

    Attributes:
        step: (channels,), all above zero; (1,) where the whole tensor has one.
        first, last: (channels,) or (1,); whole numbers.
        channels: axis of the channels; None where the whole tensor has one step.
        most: no code stands for more than this.
        levels: how many codes there are.
    """

    def __init__(self, step: Tensor, first: Tensor, last: Tensor, channels: int | None = None, most: float = math.inf):
        super().__init__()
        self.step = nn.Parameter(step.float().clone())
        self.register_buffer("first", first.float())
        self.register_buffer("last", last.float())
        self.register_buffer("least", SHRINKS_TO * step.float())
        self.channels, self.reach = channels, max(1.0, float(last.min()))
        self.largest_step = most / self.reach
        self.levels = int((last - first).max()) + 1

    def forward(self, values: Tensor) -> Tensor:
        """What the codes of `values` decode to, float32."""
        share = 1 / math.sqrt(self._count(values) * self.reach)
        return _Rounding.apply(values.float(), *(self._along(t, values) for t in self._range()), share)

    @torch.no_grad()
    def codes(self, values: Tensor) -> Tensor:
        """Whole numbers in the shape of `values`, int64."""
        step, first, last = (self._along(t, values) for t in self._range())
        return torch.clamp(torch.round(values / step), first, last).long()

    @torch.no_grad()
    def hold(self) -> None:
        """Keep the steps in their limits, after an update."""
        self.step.clamp_(min=self.least).clamp_(max=self.largest_step)

    def _range(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.step, self.first, self.last

    def _along(self, one_each: Tensor, values: Tensor) -> Tensor:
        if self.channels is None:
            return one_each
        shape = [1] * values.dim()
        shape[self.channels] = -1
        return one_each.view(shape)

    def _count(self, values: Tensor) -> int:
        """How many values share a step: of a channel's weights, or of one sample's activations."""
        return values.numel() // values.shape[self.channels or 0]


class RoundedLayer(nn.Module):
    """A layer that computes with rounded weights; the float ones stay its parameters and go on learning.

    Attributes:
        inputs: the step of what the layer reads, if its bias is rounded too: its codes are steps of both together.
    """

    def __init__(self, layer: nn.Module, step: LearnedStep, inputs: LearnedStep | None = None):
        super().__init__()
        self.layer, self.step, self.inputs = layer, step, inputs

    def forward(self, *inputs: Tensor) -> Tensor:
        """The layer's outputs."""
        used = {"weight": self.step(self.layer.weight)}
        if self.inputs is not None and self.layer.bias is not None:
            bias = self.layer.bias
            used["bias"] = bias + _off(bias.detach(), self.inputs.step.detach() * self.step.step.detach())
        return torch.func.functional_call(self.layer, used, inputs)


class RoundedNorm(nn.Module):
    """Batch normalisation that will be folded into the layer before it, and shifts by what the bias there can hold."""

    def __init__(self, norm: nn.Module, layer: nn.Module, step: LearnedStep, inputs: LearnedStep):
        super().__init__()
        self.norm, self.layer, self.step, self.inputs = norm, layer, step, inputs

    def forward(self, values: Tensor) -> Tensor:
        """Values (n, channels, ...) normalised."""
        shift = {"bias": self.norm.bias + self._off()}
        return torch.func.functional_call(self.norm, shift, (values,))

    @torch.no_grad()
    def _off(self) -> Tensor:
        norm, bias = self.norm, 0.0 if self.layer.bias is None else self.layer.bias
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        return _off(norm.bias + (bias - norm.running_mean) * gain, self.inputs.step * self.step.step * gain.abs())


def _off(bias: Tensor, steps: Tensor) -> Tensor:
    """What rounding to whole steps adds to a bias, (channels,); none where a step is zero."""
    return torch.where(steps > 0, (bias / steps).round() * steps - bias, 0.0)


class _Rounding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor, step: Tensor, first: Tensor, last: Tensor, share: float) -> Tensor:
        if step.numel() == 1:  # plain numbers are far faster than tensors of one
            rounded = (values / float(step)).round_().clamp_(float(first), float(last)).mul_(float(step))
        else:
            rounded = (values / step).round_().clamp_(first, last).mul_(step)
        ctx.save_for_backward(values, rounded, step, first, last)
        ctx.share = share
        return rounded

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        values, rounded, step, first, last = ctx.saved_tensors
        # A step's part: (rounded − values) / s inside the range; the end of the range, which is rounded / s, beyond.
        if step.numel() == 1:
            through = torch.ops.aten.hardtanh_backward(gradient, values, float(first * step), float(last * step))
            toward = (_dot(gradient, rounded) - _dot(through, values)).reshape(step.shape)
        else:
            through = gradient * ((values >= first * step) & (values <= last * step))
            toward = (gradient * rounded).sub_(through * values).sum_to_size(step.shape)
        return through, toward / step * ctx.share, None, None, None


def _dot(a: Tensor, b: Tensor) -> Tensor:
    if a.dim() == 4 and a.is_contiguous(memory_format=torch.channels_last):
        a, b = a.permute(0, 2, 3, 1), b.permute(0, 2, 3, 1)
    return torch.dot(a.reshape(-1), b.reshape(-1))
