"""What networks are trained by, in torch. The tasks import this file only once something trains."""

import torch
from torch import Tensor, nn

SUM_OFF, LEAST_PROBABILITY = 0.02, 1e-6  # in bfloat16 ten probabilities add up to one within two hundredths


def cross_entropy(outputs: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """Of outputs (n, classes), logits or probabilities, with labels (n,)."""
    return nn.functional.cross_entropy(as_logits(outputs), labels, reduction=reduction)


def softened(outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(wanted / T) ‖ softmax(outputs / T)), the mean over (n, classes) answers.

    Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531.
    """
    target, own = ((as_logits(one) / temperature).log_softmax(1) for one in (wanted, outputs))
    return nn.functional.kl_div(own, target, reduction="batchmean", log_target=True) * temperature**2


def squared(outputs: Tensor, wanted: Tensor, reduction: str) -> Tensor:
    """The squared distance of outputs (n, 1) from numbers (n,) or (n, 1)."""
    return nn.functional.mse_loss(outputs.float().flatten(), wanted.float().flatten(), reduction=reduction)


def left_over(residuals: Tensor, labels: Tensor, reduction: str) -> Tensor:
    """The mean square of residuals (n, …), of the samples whose label is 0: the mean over them, or their sum."""
    each = residuals.float().flatten(1).square().mean(1) * (labels == 0)  # (n,)
    return each.sum() if reduction == "sum" else each.sum() / (labels == 0).sum().clamp_min(1)


def as_logits(outputs: Tensor) -> Tensor:
    """Logits, float32 (n, classes), of what a network puts out; where it ends in a softmax, the logarithms of that."""
    outputs = outputs.float()
    held = outputs.detach()
    if held.shape[1] > 1 and (held >= 0).all() and (held.sum(1) - 1).abs().max() < SUM_OFF:
        return outputs.clamp_min(LEAST_PROBABILITY).log()
    return outputs


def contrastive(embeddings: Tensor, labels: Tensor, temperature: float, reduction: str) -> Tensor:
    """Supervised contrastive loss: each sample picks those of its own class out of all others in the batch.

    −T · mean over p of the same class of log(exp(zᵢ·zₚ / T) / Σ over all a ≠ i of exp(zᵢ·zₐ / T)), z being embeddings
    of length one: Khosla et al. 2020, "Supervised Contrastive Learning", arXiv:2004.11362, equation 2. Times T, which
    gives gradients the size that learning rates are made for. A sample that is alone of its class asks for nothing.

    Args:
        embeddings: (n, d).
        labels: (n,) of classes.
    """
    z = nn.functional.normalize(embeddings.float(), dim=1)  # (n, d)
    itself = torch.eye(len(z), dtype=torch.bool)
    likeness = (z @ z.T / temperature).masked_fill(itself, -torch.inf)  # (n, n)
    logs = (likeness - likeness.logsumexp(1, keepdim=True)).masked_fill(itself, 0)
    same = (labels[:, None] == labels[None, :]) & ~itself
    each = -temperature * (logs * same).sum(1) / same.sum(1).clamp_min(1)  # (n,)
    return each.sum() if reduction == "sum" else each.mean()


def relational(embeddings: Tensor, wanted: Tensor) -> Tensor:
    """How far the cosine similarities of all pairs are from the teacher's, and the embeddings from its own.

    The mean over pairs of (cos(zᵢ, zⱼ) − cos(tᵢ, tⱼ))²: Park et al. 2019, "Relational Knowledge Distillation",
    arXiv:1904.05068, of similarities instead of distances as in Tung and Mori 2019, arXiv:1907.09682. Where both have
    as many numbers, the mean of 1 − cos(zᵢ, tᵢ) as well, which makes them comparable with the teacher's own.

    Args:
        embeddings: (n, d).
        wanted: (n, d of the teacher).
    """
    z, t = (nn.functional.normalize(one.float(), dim=1) for one in (embeddings, wanted))
    loss = (z @ z.T - t @ t.T).square().mean()
    if z.shape == t.shape:
        loss = loss + (1 - (z * t).sum(1)).mean()
    return loss


def of_pieces(outputs: Tensor, labels: Tensor, padding: int, smoothing: float, reduction: str) -> Tensor:
    """Cross-entropy of outputs (n, T, pieces) with labels (n, T), over those that are no padding.

    Args:
        smoothing: the share of a label that all pieces have in common (Szegedy et al. 2016, arXiv:1512.00567).
    """
    return nn.functional.cross_entropy(
        outputs.float().flatten(0, 1), labels.flatten(), ignore_index=padding, label_smoothing=smoothing,
        reduction=reduction,
    )  # fmt: skip
