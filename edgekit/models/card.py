"""Writes a sample model's card.yaml from facts measured here and now: python -m edgekit.models.card ID

Options: --weights FILE puts that file in the model's folder first; --seconds N and --machine TEXT say what training it
took, where the old card does not know.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from edgekit.core import files
from edgekit.core.errors import EdgeKitError
from edgekit.core.interval import mean
from edgekit.core.preprocessing import Preprocessing
from edgekit.core.progress import Progress, each, silent
from edgekit.data import splits
from edgekit.data.catalog import entry
from edgekit.models import pretrained
from edgekit.models.architectures import build, multiply_accumulates, parameters, restored
from edgekit.models.plan import SHAPES, Plan, Shape, plan
from edgekit.models.samples import CARD, WEIGHTS, Card, Quality, tensors
from edgekit.tasks import task

LICENCE = "MIT, as the rest of EdgeKit"
BATCH = 500
OF_TRAINING = {"command", "epochs", "threads", "retrain_seconds", "machine", "on_request", "note"}


def write_card(
    plan: Plan, folder: Path, seconds: int, machine: str, progress: Progress = silent, note: str = ""
) -> Card:
    """Measure the weights in `folder` on the whole test set and write card.yaml beside them.

    Args:
        seconds: that training took.
        machine: that it took them on.
        note: what else a reader should know.

    Raises:
        ModelError: the weights are not of the plan's architecture.
    """
    about = entry(plan.data)
    shape, test = plan.preprocessing.shape(about.shape), splits.load(plan.data).evaluation
    dtype = torch.from_numpy(plan.preprocessing(test.raw[:1])).dtype
    weights = tensors((folder / WEIGHTS).read_bytes())
    network = restored(plan.architecture, plan.outputs or len(about.classes), weights, shape)
    card = Card(
        title=plan.title,
        summary=plan.summary,
        architecture=plan.architecture,
        reference=plan.reference,
        data=plan.data,
        preprocessing=plan.preprocessing,
        licence=_licence(plan),
        data_licence=about.licence,
        citation=about.citation,
        quality=quality(network, plan.preprocessing, test, progress),
        params=parameters(network),
        macs=multiply_accumulates(network, shape, dtype),
        sha256=files.sha256(folder / WEIGHTS),
        command=f"python sample_models/{plan.id}/train.py",
        epochs=plan.epochs,
        hinted=plan.hinted,
        seed=plan.seed,
        threads=plan.threads,
        retrain_seconds=seconds,
        machine=machine,
        outputs=plan.outputs,
        on_request=plan.on_request,
        note=note,
    )
    return _kept(card, folder)


def write_shape_card(shape: Shape, folder: Path) -> Card:
    """Count what a network has whose weights are drawn by a seed, and write card.yaml."""
    about = entry(shape.data)
    network, sizes = build(shape.architecture, shape.outputs, shape.preprocessing.shape(about.shape)), about.shape
    example = torch.from_numpy(shape.preprocessing(np.zeros((1, *sizes), np.uint8)))
    card = Card(
        **shape.model_dump(exclude={"id"}),
        licence=LICENCE,
        data_licence="random numbers, made where they are asked for",
        citation="",
        params=parameters(network),
        macs=multiply_accumulates(network, tuple(example.shape[1:]), example.dtype),
        sha256=files.sha256(f"{shape.architecture} {shape.outputs} {tuple(example.shape[1:])} {shape.seed}".encode()),
    )
    return _kept(card, folder)


def _kept(card: Card, folder: Path) -> Card:
    with files.written_whole(folder / CARD) as file:
        file.write(_yaml(card).encode())
    return card


def _licence(plan: Plan) -> str:
    """Of the weights; those that they started from keep their own."""
    started = f"; started from weights under {pretrained.licence(plan.pretrained)}" if plan.pretrained else ""
    return LICENCE + started


@torch.no_grad()
def quality(
    network: nn.Module, prepared: Preprocessing, samples: splits.Samples, progress: Progress = silent
) -> Quality:
    """How good a network is in float32 by the metric of its data's task, with the 95 % interval."""
    asked, found, starts = task(samples.entry.task), [], range(0, len(samples), BATCH)
    for start in each(starts, progress, lambda start: f"Scoring {start:,} of {len(samples):,}"):
        inputs = prepared(samples.raw[start : start + BATCH])
        found.append(asked.run(lambda rows: network(torch.from_numpy(rows)).numpy(), inputs))
    share, _ = mean(asked.scores(np.concatenate(found), samples.labels))
    low, high = round(share.low, 6), round(share.high, 6)
    return Quality(metric=asked.metric, value=round(share.value, 6), low=low, high=high, samples=len(samples))


def _yaml(card: Card) -> str:
    facts = card.model_dump(mode="json", exclude_none=True, exclude=OF_TRAINING if card.shape_only else None)
    source = "models/plan.py" if card.shape_only else "train.py"
    values = yaml.safe_dump(facts, sort_keys=False, width=120, default_flow_style=None)
    return f"# Written by python -m edgekit.models.card from measured facts; change {source}, not this.\n{values}"


def main(words: list[str] | None = None) -> int:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m edgekit.models.card", description=__doc__.splitlines()[0])
    parser.add_argument("id", help="a folder of sample_models/")
    parser.add_argument("--weights", type=Path, help="a .safetensors file to put there first")
    parser.add_argument("--seconds", type=int, help="how long training took")
    parser.add_argument("--machine", help="what it was trained on")
    parser.add_argument("--note", help="what else a reader should know")
    asked = parser.parse_args(words)
    folder = files.sample_models() / asked.id
    if asked.id in SHAPES:
        card = write_shape_card(SHAPES[asked.id], folder)
        print(f"{asked.id}: shape only, {card.params:,} parameters")
        return 0
    old = yaml.safe_load((folder / CARD).read_text()) if (folder / CARD).exists() else {}
    if asked.weights:
        shutil.copyfile(asked.weights, folder / WEIGHTS)
    try:
        card = write_card(
            plan(asked.id),
            folder,
            old.get("retrain_seconds", 0) if asked.seconds is None else asked.seconds,
            asked.machine or old.get("machine", "unknown"),
            note=old.get("note", "") if asked.note is None else asked.note,
        )
    except EdgeKitError as error:
        print(error, file=sys.stderr)
        return 1
    found = card.quality
    print(f"{asked.id}: {found.metric} {found.value:.2%} of {found.samples:,}, {card.params:,} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
