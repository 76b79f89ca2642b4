"""One training loop for everything that trains: the sample models, fine-tuning, distillation and QAT.

SGD with Nesterov momentum, or AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), under a one-cycle learning rate
(Smith and Topin 2018, arXiv:1708.07120), in bfloat16 where the processor has it. The global random state is left as it
was; the same seed on the same host gives the same weights.
"""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

SUM_OFF, LEAST_PROBABILITY = 0.02, 1e-6  # in bfloat16 ten probabilities add up to one within two hundredths
Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]  # epoch -> (inputs, labels) pairs


@dataclass(frozen=True)
class Schedule:
    """How to train. `learning_rate` is the peak; `average` the decay of the running mean of weights, 0 for none.

    `momentum` is that of SGD; AdamW keeps its own.
    """

    epochs: int
    learning_rate: float
    batches_per_epoch: int
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warmup: float = 0.1
    average: float = 0.0
    optimizer: Literal["sgd", "adamw"] = "sgd"
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training data gave: mean loss, and accuracy as a fraction of the samples seen."""

    epoch: int
    loss: float
    accuracy: float


Loss = Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]]  # (network, inputs, labels) -> mean loss, logits


def with_teacher(teacher: nn.Module, share: float, temperature: float = 4.0) -> Loss:
    """A loss of which `share` asks for the teacher's softened answers, and the rest for the labels.

    share · T² · KL(softmax(teacher / T) ‖ softmax(network / T)) + (1 − share) · cross-entropy: Hinton et al. 2015,
    "Distilling the Knowledge in a Neural Network", arXiv:1503.02531. For labels that are no classes, the squared
    distances to the teacher's answers and to the labels.

    Args:
        teacher: in eval mode; not trained.
        temperature: how soft the answers are made, T above 0.
    """

    def loss(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if labels.is_floating_point():
            answers = network(inputs).float()
            with torch.no_grad():
                wanted = teacher(inputs).float()
            hard = label_loss(answers, labels) if share < 1 else 0.0
            return share * nn.functional.mse_loss(answers, wanted) + (1 - share) * hard, answers
        with torch.no_grad():
            wanted = (as_logits(teacher(inputs)) / temperature).log_softmax(1)  # (n, classes)
        logits = as_logits(network(inputs))
        softened = (logits / temperature).log_softmax(1)
        soft = nn.functional.kl_div(softened, wanted, reduction="batchmean", log_target=True) * temperature**2
        hard = label_loss(logits, labels) if share < 1 else 0.0  # at 1 there need not be labels
        return share * soft + (1 - share) * hard, logits

    return loss


def fit(
    network: nn.Module,
    batches: Batches,
    schedule: Schedule,
    *,
    loss: Loss | None = None,
    after_step: Callable[[], None] = lambda: None,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> tuple[nn.Module, list[Epoch]]:
    """Train `network` in place and return the weights to keep (their running mean if asked) and one Epoch a pass.

    Args:
        batches: gives the (inputs, labels) pairs of an epoch; inputs (n, ...), labels (n,).
        loss: (network, inputs, labels) -> (mean loss, outputs); `label_loss` if absent.
        after_step: called after each update, to hold what must not move (pruned zeros).
        after_epoch: called after each pass; it finds the network in training mode and must leave it so.
        progress: told the fraction done after each batch; what it raises stops the training.
    """
    loss = loss or _by_labels
    total = schedule.epochs * schedule.batches_per_epoch
    optimizer = _optimizer(network, schedule)
    shape = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _one_cycle(step / total, schedule.warmup))
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.average), use_buffers=True)
    curve, done = [], 0
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network.train().to(memory_format=torch.channels_last)
        for epoch in range(schedule.epochs):
            sums = torch.zeros(3)  # loss, right answers, samples
            for inputs, labels in batches(epoch):
                with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
                    value, logits = loss(network, _channels_last(inputs), labels)
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                optimizer.step()
                shape.step()
                after_step()
                if schedule.average:
                    mean.update_parameters(network)
                right = _right(logits.detach(), labels)
                sums += torch.stack([value.detach().float() * len(labels), right, torch.tensor(len(labels))])
                done += 1
                progress(done / total, f"epoch {epoch + 1} of {schedule.epochs}")
            curve.append(Epoch(epoch + 1, float(sums[0] / sums[2]), float(sums[1] / sums[2])))
            after_epoch(curve[-1])
    kept = copy.deepcopy(mean.module) if schedule.average else network
    return kept.eval().to(memory_format=torch.contiguous_format), curve


def label_loss(outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy where labels (n,) are classes, the squared distance where they are floats; outputs are (n, …)."""
    if labels.is_floating_point():
        return nn.functional.mse_loss(outputs.float().flatten(), labels, reduction=reduction)
    return nn.functional.cross_entropy(as_logits(outputs), labels, reduction=reduction)


def _by_labels(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The plain loss, with the outputs."""
    outputs = network(inputs)
    return label_loss(outputs, labels), outputs


def _right(outputs: Tensor, labels: Tensor) -> Tensor:
    """How many answers are right; of numbers, how much of the batch's variance they explain, as so many samples."""
    if labels.is_floating_point():
        gone = nn.functional.mse_loss(outputs.float().flatten(), labels) / labels.var(correction=0).clamp_min(1e-30)
        return len(labels) * (1 - gone)
    return (outputs.argmax(1) == labels).sum()


def as_logits(outputs: Tensor) -> Tensor:
    """Logits, float32 (n, classes), of what a network puts out; where it ends in a softmax, the logarithms of that."""
    outputs = outputs.float()
    held = outputs.detach()
    if held.shape[1] > 1 and (held >= 0).all() and (held.sum(1) - 1).abs().max() < SUM_OFF:
        return outputs.clamp_min(LEAST_PROBABILITY).log()
    return outputs


def _optimizer(network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    groups = _decay_groups(network, schedule.weight_decay)
    if schedule.optimizer == "adamw":
        return torch.optim.AdamW(groups, schedule.learning_rate)
    return torch.optim.SGD(groups, schedule.learning_rate, schedule.momentum, nesterov=True)


def _decay_groups(network: nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay is for weights; biases and normalisation scales (one dimension) go without."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]


def _one_cycle(position: float, warmup: float) -> float:
    """The share of the peak learning rate at `position` in [0, 1]: a straight climb, then half a cosine to zero."""
    if position < warmup:
        return max(position / warmup, 0.01)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (position - warmup) / (1 - warmup))))


def _channels_last(inputs: Tensor) -> Tensor:
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs


def has_bfloat16() -> bool:
    """Whether this processor multiplies matrices of bfloat16 itself."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
