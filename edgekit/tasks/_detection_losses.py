"""What detectors are trained by, in torch. Maps are read as `_boxes.decoded` says.

A cell is asked for a box if it holds the middle of one, or lies on one with its own middle near that (Tian et al. 2019,
arXiv:1904.01355: centre sampling). Its class is scored by how well its box fits (Li et al. 2020, arXiv:2006.04388:
quality focal loss), and the box by generalized IoU (Rezatofighi et al. 2019, arXiv:1902.09630).
"""

import torch
from torch import Tensor, nn

from edgekit.tasks._boxes import FINE

NEAR = 0.8  # cells between the middle of a cell and that of its box, at most, in each direction
BOXES = 2.0  # how much boxes count beside classes
FOCUS = 2  # how much less what is nearly right counts


def detection(outputs: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """Of maps (n, 4 + classes, rows, columns) with boxes (n, k, 5).

    Both parts are sums over cells, shared by the number of cells that lie on something.
    """
    outputs = outputs.float()
    boxes, cells = _decoded(outputs), _middles(outputs)
    of = _assigned(cells, labels, outputs.shape[2:])  # (n, cells): which box, or −1
    image, cell = torch.nonzero(of >= 0, as_tuple=True)  # (positives,)
    wanted = labels[image, of[image, cell]].float()  # (positives, 5)
    iou, generalized = _overlap(boxes[image, cell], wanted[:, :4])
    logits = outputs[:, 4:].flatten(2).swapaxes(1, 2)  # (n, cells, classes)
    quality = torch.zeros_like(logits)
    quality[image, cell, wanted[:, 4].long()] = iou.detach().clamp(0, 1)
    each = _focal(logits, quality).sum((1, 2))  # (n,)
    each = each.index_add(0, image, BOXES * (1 - generalized))
    return each.sum() / max(1, len(image)) * (len(each) if reduction == "sum" else 1)


def like_the_teacher(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Scores as the teacher's, everywhere; and boxes that overlap its own, as much as it is sure that there is one.

    Zheng et al. 2022, "Localization Distillation", arXiv:2102.12252, with overlaps in place of their distributions.
    Where the teacher's map is finer, a cell learns from the surest of those that it covers.

    Args:
        outputs, wanted: maps (n, 4 + classes, rows, columns).
    """
    outputs, wanted = outputs.float(), wanted.float()
    own = outputs[:, 4:].flatten(2)  # (n, classes, cells)
    best = wanted[:, 4:].amax(1, keepdim=True)
    _, surest = nn.functional.adaptive_max_pool2d(best, outputs.shape[2:], return_indices=True)
    surest = surest.flatten(2)  # (n, 1, cells): places in the teacher's map
    scores = wanted[:, 4:].flatten(2).gather(2, surest.expand_as(own)).sigmoid()
    boxes = _decoded(wanted).gather(1, surest.swapaxes(1, 2).expand(-1, -1, 4))  # (n, cells, 4)
    weight = scores.amax(1)  # (n, cells)
    _, generalized = _overlap(_decoded(outputs), boxes)
    loss = _focal(own, scores).sum() + BOXES * (weight * (1 - generalized)).sum()
    return loss / weight.sum().clamp_min(1)


def _focal(logits: Tensor, quality: Tensor) -> Tensor:
    """|quality − σ|^FOCUS times cross-entropy."""
    entropy = nn.functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return (quality - logits.sigmoid()).abs() ** FOCUS * entropy


def _middles(outputs: Tensor) -> Tensor:
    """The middle of each cell, x and y, (cells, 2)."""
    y, x = ((torch.arange(count) + 0.5) / count for count in outputs.shape[2:])
    return torch.stack([x.repeat(len(y)), y.repeat_interleave(len(x))], 1)


def _decoded(outputs: Tensor) -> Tensor:
    """Boxes (n, cells, 4), as `_boxes.decoded` makes them."""
    rows, columns = outputs.shape[2:]
    cell = torch.tensor([1 / columns, 1 / rows] * 2)
    far = (outputs[:, :4] / FINE).clamp(-8, 8).exp().flatten(2).swapaxes(1, 2) * cell  # (n, cells, 4)
    middles = _middles(outputs)
    return torch.cat([middles - far[..., :2], middles + far[..., 2:]], 2)


def _assigned(cells: Tensor, labels: Tensor, sides: tuple[int, int]) -> Tensor:
    """Which box each cell is asked for, (n, cells); −1 for none. Of several, the smallest."""
    labels = labels.float()[:, None]  # (n, 1, k, 5)
    corners, there = labels[..., :4], labels[..., 4] >= 0
    middle = (corners[..., :2] + corners[..., 2:]) / 2
    away = (cells[:, None] - middle).abs() * torch.tensor([sides[1], sides[0]])  # (n, cells, k, 2), in cells
    inside = ((cells[:, None] > corners[..., :2]) & (cells[:, None] < corners[..., 2:])).all(-1)
    holds = (away <= 0.5).all(-1)
    asked = there & (holds | (inside & (away <= NEAR).all(-1)))
    area = (corners[..., 2:] - corners[..., :2]).prod(-1).expand_as(asked)
    least, of = area.masked_fill(~asked, torch.inf).min(-1)
    return of.masked_fill(least.isinf(), -1)


def _overlap(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalized IoU of boxes (…, 4)."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp_min(0).prod(-1)

    shared = area(torch.maximum(one[..., :2], other[..., :2]), torch.minimum(one[..., 2:], other[..., 2:]))
    either = area(one[..., :2], one[..., 2:]) + area(other[..., :2], other[..., 2:]) - shared
    around = area(torch.minimum(one[..., :2], other[..., :2]), torch.maximum(one[..., 2:], other[..., 2:]))
    iou = shared / either.clamp_min(1e-9)
    return iou, iou - (around - either) / around.clamp_min(1e-9)
