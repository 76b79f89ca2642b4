"""How the sample models are made, from nothing: fetch the data, train, write the weights and the card.

`sample_models/<id>/train.py` holds a Plan and calls `main`; everything that the models have in common is here.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from edgekit.core import files
from edgekit.core.errors import EdgeKitError
from edgekit.core.host import this_host
from edgekit.core.model import Preprocessing
from edgekit.core.progress import Progress, part, silent
from edgekit.data import download, feed, splits
from edgekit.models.architectures import build
from edgekit.models.card import write_card
from edgekit.models.plan import Plan
from edgekit.models.samples import WEIGHTS, Card
from edgekit.models.training import Schedule, fit


def remake(plan: Plan, folder: Path, progress: Progress = silent) -> Card:
    """Train a sample model, write model.safetensors and card.yaml into `folder`, and return the card.

    The same plan with the same versions on the same kind of processor gives the same bytes.

    Raises:
        DataError: the data could not be fetched.
    """
    download.pull(plan.data, part(progress, 0, 0.02))
    torch.set_num_threads(plan.threads)
    started = time.perf_counter()
    network = trained(plan, splits.load(plan.data).training, part(progress, 0.02, 0.98))
    seconds = time.perf_counter() - started
    with files.written_whole(folder / WEIGHTS) as file:
        file.write(save({name: tensor.contiguous() for name, tensor in network.state_dict().items()}))
    return write_card(
        plan, folder, round(seconds), f"{this_host().cpu}, {plan.threads} thread", part(progress, 0.98, 1)
    )


def trained(plan: Plan, training: splits.Samples, progress: Progress = silent) -> nn.Module:
    """The network that a plan gives, trained from random weights. The global random state is left as it was."""
    prepared = Preprocessing(plan.mean, plan.std)
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        network = build(plan.architecture)
    schedule = Schedule(
        plan.epochs,
        plan.learning_rate,
        len(training) // plan.batch_size,
        weight_decay=plan.weight_decay,
        average=plan.average,
        seed=plan.seed,
    )
    network, _ = fit(
        network,
        lambda epoch: feed.batches(training, prepared, plan.batch_size, epoch, shift=plan.shift, seed=plan.seed),
        schedule,
        progress=progress,
    )
    return network


def main(plan: Plan, folder: Path, words: list[str] | None = None) -> int:
    """The command line of every train.py."""
    parser = argparse.ArgumentParser(description=f"Remake {plan.title} from nothing.")
    parser.add_argument("--out", type=Path, default=folder, help="where to write; beside train.py unless said")
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
    print(f"\n{plan.title}: {card.accuracy.value:.2%} on the test set, sha256 {card.sha256}")
    return 0


def _printed(started: float) -> Progress:
    """A Progress that keeps one line on the terminal up to date."""

    def tell(fraction: float, what: str) -> None:
        left = (time.perf_counter() - started) * (1 - fraction) / max(fraction, 1e-6)
        end = f", {left / 60:.0f} min left" if fraction > 0.03 else ""
        print(f"\r{fraction:6.1%}  {what}{end}".ljust(79), end="", file=sys.stderr, flush=True)

    return tell
