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

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from edgekit.core.task import Task

Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]  # epoch -> (inputs, labels) pairs


@dataclass(frozen=True)
class Schedule:
    """How to train. `learning_rate` is the peak; `average` the decay of the running mean of weights, 0 for none.

    `momentum` is that of SGD; AdamW keeps its own. With `still_norms`, batch normalisation keeps the statistics that it
    came with: those of a few hundred samples are worse than those of the million that a network was started from.
    """

    epochs: int
    learning_rate: float
    batches_per_epoch: int
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warmup: float = 0.1
    average: float = 0.0
    optimizer: Literal["sgd", "adamw"] = "sgd"
    still_norms: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training data gave: mean loss, and the task's score as a mean over the batches."""

    epoch: int
    loss: float
    accuracy: float


Loss = Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]]  # (network, inputs, labels) -> mean loss, outputs


def with_teacher(task: Task, teacher: nn.Module, share: float, temperature: float = 4.0) -> Loss:
    """A loss of which `share` asks for the teacher's answers, and the rest for the labels.

    What each of them is, the task says: share · soft_loss + (1 − share) · loss.

    Args:
        teacher: in eval mode; not trained.
        temperature: how soft the answers are made, T above 0.
    """

    def loss(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            wanted = teacher(inputs).float()
        outputs = network(inputs).float()
        hard = task.loss(outputs, labels) if share < 1 else 0.0  # at 1 there need not be labels
        return share * task.soft_loss(outputs, wanted, temperature) + (1 - share) * hard, outputs

    return loss


def by_labels(task: Task) -> Loss:
    """The task's loss alone."""

    def loss(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        outputs = network(inputs)
        return task.loss(outputs, labels), outputs

    return loss


def fit(
    network: nn.Module,
    batches: Batches,
    schedule: Schedule,
    task: Task,
    *,
    loss: Loss | None = None,
    after_step: Callable[[], None] = lambda: None,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Callable[[float, str], None] = lambda fraction, what: None,
) -> tuple[nn.Module, list[Epoch]]:
    """Train `network` in place and return the weights to keep (their running mean if asked) and one Epoch a pass.

    Args:
        batches: gives the (inputs, labels) pairs of an epoch, each (n, ...).
        task: what the network is for: it says what right answers are, and how training goes towards them.
        loss: (network, inputs, labels) -> (mean loss, outputs); the task's own if absent.
        after_step: called after each update, to hold what must not move (pruned zeros).
        after_epoch: called after each pass; it finds the network in training mode and must leave it so.
        progress: told the fraction done after each batch; what it raises stops the training.
    """
    loss = loss or by_labels(task)
    total = schedule.epochs * schedule.batches_per_epoch
    optimizer = _optimizer(network, schedule)
    shape = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _one_cycle(step / total, schedule.warmup))
    mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(schedule.average), use_buffers=True)
    curve, done = [], 0
    with torch.random.fork_rng():
        torch.manual_seed(schedule.seed)
        network.train().to(memory_format=torch.channels_last)
        for epoch in range(schedule.epochs):
            sums = np.zeros(3)  # loss, score, samples
            if schedule.still_norms:
                _hold_statistics(network)
            for inputs, labels in batches(epoch):
                with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
                    value, outputs = loss(network, _channels_last(inputs), labels)
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                optimizer.step()
                shape.step()
                after_step()
                if schedule.average:
                    mean.update_parameters(network)
                score = task.batch_score(outputs.detach().float().numpy(), labels.numpy())
                sums += len(labels) * np.array([float(value.detach()), score, 1])
                done += 1
                progress(done / total, f"epoch {epoch + 1} of {schedule.epochs}")
            curve.append(Epoch(epoch + 1, *(sums[:2] / sums[2]).tolist()))
            after_epoch(curve[-1])
    kept = copy.deepcopy(mean.module) if schedule.average else network
    return kept.eval().to(memory_format=torch.contiguous_format), curve


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


def _hold_statistics(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _channels_last(inputs: Tensor) -> Tensor:
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.dim() == 4 else inputs


def has_bfloat16() -> bool:
    """Whether this processor multiplies matrices of bfloat16 itself."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
