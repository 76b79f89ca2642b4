"""How the sample models are made, from nothing: fetch the data, train, write the weights and the card.

`sample_models/<id>/train.py` holds a Plan and calls `main`; everything that the models have in common is here.
"""

import argparse
import copy
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from edgekit.core import files
from edgekit.core.errors import EdgeKitError, ModelError
from edgekit.core.host import this_host
from edgekit.core.progress import Progress, each, part, silent
from edgekit.data import arrays, download, feed, splits
from edgekit.models import architectures, hints, pretrained, samples, whitening
from edgekit.models.card import write_card
from edgekit.models.plan import Plan
from edgekit.models.plan import plan as plan_of
from edgekit.models.samples import WEIGHTS, Card
from edgekit.models.training import Batches, Schedule, fit, with_teacher
from edgekit.tasks import task

SOFT_SHARE = 0.7  # how much the answers of a teacher count, or those of the first network in the second training
AGAIN_RATE = 0.4  # its learning rate, as a share of the first


def remake(plan: Plan, folder: Path, progress: Progress = silent) -> Card:
    """Train a sample model, write model.safetensors and card.yaml into `folder`, and return the card.

    The same plan with the same versions on the same kind of processor gives the same bytes.

    Raises:
        DataError: the data could not be fetched.
        ModelError: the plan's teacher was not built yet, or takes other inputs.
    """
    for data in filter(None, (plan.hints, plan.data)):
        download.pull(data, part(progress, 0, 0.02))
    torch.set_num_threads(plan.threads)
    started = time.perf_counter()
    network = trained(plan, splits.load(plan.data).training, part(progress, 0.02, 0.98))
    seconds = time.perf_counter() - started
    with files.written_whole(folder / WEIGHTS) as file:
        file.write(save({name: _kept(tensor, plan.half) for name, tensor in network.state_dict().items()}))
    return write_card(
        plan, folder, round(seconds), f"{this_host().cpu}, {plan.threads} thread", part(progress, 0.98, 1)
    )


def build(name: str, progress: Progress = silent) -> Card:
    """Have a sample model on this machine: one that is built on request is trained into the cache, if it is not there.

    Raises:
        ModelError: there is none of that name, it comes with EdgeKit, or its teacher has to be built first.
        DataError: the data could not be fetched.
    """
    known, folder = samples.card(name), samples.built_folder(name)
    if not known.on_request:
        raise ModelError(f"{name} comes with EdgeKit, so there is nothing to build.")
    with arrays.locked(folder, progress):
        if samples.is_here(name) and files.sha256(folder / WEIGHTS) == samples.card(name).sha256:
            progress(1.0, f"{known.title} is here and whole")
            return samples.card(name)
        return remake(plan_of(name), folder, progress)


def trained(
    plan: Plan, training: splits.Samples, progress: Progress = silent, teacher: nn.Module | None = None
) -> nn.Module:
    """The network that a plan gives, trained. The global random state is left as it was.

    Args:
        teacher: in eval mode; the sample model that the plan names, if absent.

    Raises:
        ModelError: its teacher was not built yet, or takes other inputs.
    """
    about, asked = training.entry, task(training.entry.task)
    teacher = teacher or (_teacher(plan) if plan.teacher else None)
    loss = with_teacher(asked, teacher, SOFT_SHARE) if teacher else None
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        network = architectures.build(
            plan.architecture, plan.outputs or len(about.classes), plan.preprocessing.shape(about.shape)
        )
    if plan.pretrained:
        pretrained.start(network, plan.pretrained, part(progress, 0, 0.02))
    stages = (plan.hinted, plan.epochs, plan.born_again, plan.whitened)
    ends = [sum(stages[: place + 1]) / max(1, sum(stages)) for place in range(len(stages))]
    if plan.hinted:
        network = _hinted(network, teacher, plan, training, part(progress, 0, ends[0]))
    if plan.epochs:
        network, _ = fit(
            network,
            _batches(plan, training, plan.hinted),
            _schedule(plan, training, plan.epochs),
            asked,
            loss=loss,
            progress=part(progress, ends[0], ends[1]),
        )
    if plan.born_again:
        network = born_again(network, plan, training, part(progress, ends[1], ends[2]))
    if plan.whitened:
        _whiten(network.eval(), plan, training, part(progress, ends[2], 1))
    return network


def _hinted(
    student: nn.Module, teacher: nn.Module, plan: Plan, training: splits.Samples, progress: Progress
) -> nn.Module:
    """Train what the last layer of a network reads to be what its teacher's reads."""
    own = _batches(plan, training)
    student, _ = fit(
        student,
        hints.shown(own, splits.load(plan.hints).training, plan.preprocessing, plan.seed),
        _schedule(plan, training, plan.hinted),
        task(training.entry.task),
        loss=hints.with_hints(teacher, own),
        progress=progress,
    )
    return student


def born_again(teacher: nn.Module, plan: Plan, training: splits.Samples, progress: Progress = silent) -> nn.Module:
    """Train a copy of `teacher` further, on labels and on the teacher's softened answers (Hinton et al. 2015)."""
    teacher.eval()
    asked = task(training.entry.task)
    schedule = _schedule(plan, training, plan.born_again)
    schedule = replace(schedule, learning_rate=AGAIN_RATE * plan.learning_rate)
    network, _ = fit(
        copy.deepcopy(teacher),
        _batches(plan, training, plan.hinted + plan.epochs),
        schedule,
        asked,
        loss=with_teacher(asked, teacher, SOFT_SHARE),
        progress=progress,
    )
    return network


def _whiten(network: nn.Module, plan: Plan, training: splits.Samples, progress: Progress) -> None:
    """Solve the last layer, from passes that were not trained on."""
    passed, again = plan.hinted + plan.epochs + plan.born_again, _batches(plan, training)
    passes = each(range(passed, passed + plan.whitened), progress, lambda epoch: "Solving the last layer")
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        whitening.whiten(network, (pair for epoch in passes for pair in again(epoch)))


def _teacher(plan: Plan) -> nn.Module:
    """The network of a plan's teacher, which is shown the very inputs that its student is shown."""
    teacher = samples.load(plan.teacher)
    if (teacher.data, teacher.preprocessing) != (plan.data, plan.preprocessing):
        raise ModelError(
            f"the teacher of {plan.id} must have its data and preprocessing; {plan.teacher} has {teacher.data}, "
            f"{teacher.preprocessing}. Give train.py the same, or another teacher."
        )
    return teacher.network


def _kept(tensor: Tensor, half: bool) -> Tensor:
    """A tensor as it is written: what is multiplied may be in half precision, the few numbers of channels are not."""
    return (tensor.half() if half and tensor.dim() > 1 else tensor).contiguous()


def _schedule(plan: Plan, training: splits.Samples, epochs: int) -> Schedule:
    return Schedule(
        epochs,
        plan.learning_rate,
        len(training) // plan.batch_size,
        weight_decay=plan.weight_decay,
        average=plan.average,
        optimizer=plan.optimizer,
        still_norms=plan.still_norms,
        seed=plan.seed,
    )


def _batches(plan: Plan, training: splits.Samples, passed: int = 0) -> Batches:
    """Batches by epoch, of which `passed` have gone before: they are shuffled differently each time."""
    return lambda epoch: feed.batches(
        training, plan.preprocessing, plan.batch_size, passed + epoch, shift=plan.shift, seed=plan.seed
    )


def main(plan: Plan, folder: Path, words: list[str] | None = None) -> int:
    """The command line of every train.py."""
    parser = argparse.ArgumentParser(description=f"Remake {plan.title} from nothing.")
    folder = samples.built_folder(plan.id) if plan.on_request else folder
    parser.add_argument("--out", type=Path, default=folder, help=f"where to write; {folder} unless said")
    asked = parser.parse_args(words)
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        card = remake(plan, asked.out, _printed(time.perf_counter()))
    except EdgeKitError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing was written.", file=sys.stderr)
        return 130
    print(f"\n{plan.title}: {card.quality.metric} {card.quality.value:.2%} on the test set, sha256 {card.sha256}")
    return 0


def _printed(started: float) -> Progress:
    """A Progress that keeps one line on the terminal up to date."""

    def tell(fraction: float, what: str) -> None:
        left = (time.perf_counter() - started) * (1 - fraction) / max(fraction, 1e-6)
        end = f", {left / 60:.0f} min left" if fraction > 0.03 else ""
        print(f"\r{fraction:6.1%}  {what}{end}".ljust(79), end="", file=sys.stderr, flush=True)

    return tell
