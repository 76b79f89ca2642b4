"""Every technique on every sample model: it works, or says why it does not.

    python -m tests.benchmarks.matrix [--json] [--only MODEL …] [--technique TECHNIQUE …]

Settings and data are as small as they go: what is held is that nothing breaks, and that the file that comes out runs on
samples that were not calibrated with. Models whose weights or data are not on this machine are left out, and named.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from edgekit.artifacts.write import write
from edgekit.core.errors import EdgeKitError, NothingToDo
from edgekit.core.host import this_host
from edgekit.core.model import Model
from edgekit.core.technique import Technique
from edgekit.data import download, feed, splits
from edgekit.measure.candidates import Candidates
from edgekit.measure.outputs import outputs
from edgekit.models import samples
from edgekit.recipe import Recipe
from edgekit.registry import technique, techniques
from tests.benchmarks.table import line, report
from tests.test_every_technique import small

TRAINING, HELD_OUT = 128, 64  # samples
OF_SHAPES = 8  # training samples of a network that is as large as they come, and on random inputs


def pairs(name: str, those: Collection[str]) -> list[dict]:
    """A line for each of the techniques on a model; its value is 0 where all is well, and 1 where something broke."""
    model, data = samples.load(name), splits.load(samples.card(name).data)
    few = OF_SHAPES if samples.card(name).shape_only else TRAINING
    data = dataclasses.replace(data, training=data.training.take(few))
    return [pair(model, data, step) for step in map(small, map(technique, those))]


def pair(model: Model, data: splits.Dataset, step: Technique) -> dict:
    """The line of one technique on a model, whose data has few training samples."""
    recipe, started = Recipe([step]), time.perf_counter()
    if problems := recipe.problems(model):
        return _line(model, step, "greyed out", problems[0])
    candidates = Candidates(model, data.validation.take(HELD_OUT))
    bench = feed.bench(model, data, host=this_host(), candidates=candidates)
    try:
        made = recipe.apply(model, bench)
        with tempfile.TemporaryDirectory() as folder:
            file = write(made.graph, made.encodings, Path(folder), recipe.fingerprint, None)
            found = outputs(Path(file.path), data.evaluation.take(HELD_OUT), model.preprocessing)
    except NothingToDo as error:
        return _line(model, step, "nothing to do", str(error))
    except EdgeKitError as error:
        return _line(model, step, "refused", str(error))
    except Exception as error:  # whatever a person would see as a traceback
        return _line(model, step, "broken", f"{type(error).__name__}: {error}")
    score = model.task.scores(found, data.evaluation.take(HELD_OUT).labels).mean()
    return _line(model, step, "works", f"{file.bytes:,} bytes", seconds=round(time.perf_counter() - started, 1),
                 score=round(float(score), 3))  # fmt: skip


def _line(model: Model, step: Technique, outcome: str, why: str, **more) -> dict:
    what = f"{model.id} × {step.id()}: {outcome}"
    return line(what, float(outcome == "broken"), 0, outcome=outcome, why=why.splitlines()[0], **more)


def main() -> None:
    """Try all pairs, or those of the models asked for, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", choices=samples.cards(), metavar="MODEL")
    parser.add_argument("--technique", action="append", choices=techniques(), metavar="TECHNIQUE")
    asked = parser.parse_args()
    rows = []
    for name in asked.only or samples.cards():
        if samples.is_here(name) and download.status(samples.card(name).data).present:
            rows += pairs(name, asked.technique or techniques())
        else:
            rows.append(line(f"{name}: not on this machine", 0, None))
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
