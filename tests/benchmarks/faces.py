"""Faces of people that nobody trained on, four times over: python -m tests.benchmarks.faces --json

ORL's forty people are turned by ten each time, so that each is tested once: people 1 to 20 train and 31 to 40 test in
the first fold, which is that of the sample models and their cards; 11 to 30 and 1 to 10 in the second; and so on. A
teacher is trained on the people of the fold, too. The interval is that of a bootstrap over all forty people.
"""

import argparse
import json

import numpy as np
import torch
from torch import nn

from edgekit.core.interval import mean
from edgekit.data.splits import Dataset, Samples, Split, load
from edgekit.models.plan import Plan, plan
from edgekit.models.remake import trained
from edgekit.tasks import task

PEOPLE, FOLDS = 40, 4
BATCH = 100


def fold(dataset: Dataset, number: int) -> tuple[Samples, Samples]:
    """Training and test samples of a fold, 0 to 3."""
    parts = (dataset.training, dataset.validation, dataset.evaluation)
    raw, labels = (np.concatenate([getattr(one, name) for one in parts]) for name in ("raw", "labels"))
    turned = (labels.astype(int) - number * PEOPLE // FOLDS) % PEOPLE  # (n,) people counted from the first of the fold

    def taken(split: Split, first: int, last: int) -> Samples:
        chosen = np.flatnonzero((turned >= first) & (turned < last))
        return Samples(dataset.id, split, raw[chosen], labels[chosen], chosen)

    return taken(Split.TRAINING, 0, PEOPLE // 2), taken(Split.EVALUATION, PEOPLE * 3 // 4, PEOPLE)


def made(asked: Plan, training: Samples) -> nn.Module:
    """The network of a plan, by a teacher that saw the same people and no others."""
    teacher = made(plan(asked.teacher), training).eval() if asked.teacher else None
    return trained(asked, training, teacher=teacher).eval()


def scores(asked: Plan, training: Samples, test: Samples) -> np.ndarray:
    """Train, and score the people of the test: (people,), whose mean is 1 − EER."""
    network = made(asked, training)
    starts = range(0, len(test), BATCH)
    inputs = (torch.from_numpy(asked.preprocessing(test.raw[start : start + BATCH])) for start in starts)
    with torch.no_grad():
        outputs = torch.cat([network(one) for one in inputs])  # (n, d)
    return task(test.entry.task).scores(outputs.numpy(), test.labels)


def main() -> None:
    """Train the plan of a sample model on every fold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="siamese-faces-mobile")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    chosen, dataset = plan(asked.model), load("orl-faces")
    torch.set_num_threads(chosen.threads)
    found = []
    for number in asked.folds:
        found.append(scores(chosen, *fold(dataset, number)))
        if not asked.json:
            print(f"fold {number}: EER {1 - found[-1].mean():.2%}", flush=True)
    whole, how = mean(np.concatenate(found))
    line = {
        "model": asked.model, "folds": asked.folds, "eer_each": [1 - float(one.mean()) for one in found],
        "eer": 1 - whole.value, "low": 1 - whole.high, "high": 1 - whole.low, "how": f"{how} over people",
    }  # fmt: skip
    print(json.dumps(line) if asked.json else f"all: EER {line['eer']:.2%} ({line['low']:.2%} to {line['high']:.2%})")


if __name__ == "__main__":
    main()
