"""A run of LeNet-5 to export: its file is really there, and nothing was measured for it."""

from pathlib import Path

import onnx

from edgekit.artifacts.write import write
from edgekit.core.host import this_host
from edgekit.core.run import Run
from edgekit.data.feed import bench
from edgekit.data.splits import load as load_data
from edgekit.library import load
from edgekit.measure.candidates import Candidates
from edgekit.recipe import Recipe, exported
from edgekit.store.store import Store
from tests.factories import a_run

INTEGERS, FOUR_BITS = "quantize_static", "quantize_weights,bits=4"


def saved(folder: Path, *steps: str) -> Run:
    """A run with the file that these steps make of LeNet-5, kept in the store that is open by default."""
    model, recipe = load("lenet5-fashion"), Recipe.parse(list(steps)) if steps else Recipe()
    dataset = load_data(model.data)
    tools = bench(model, dataset, host=this_host(), candidates=Candidates(model, dataset.validation))
    state = exported(recipe.apply(model, tools), tools.example)
    artifact = write(state.graph, state.encodings, folder, recipe.fingerprint, None)
    with Store.open() as store:
        kept = store.add_file(Path(artifact.path))
        run = a_run(recipe=recipe.to_list(), artifact=artifact.model_copy(update={"path": kept.path}))
        store.save(run)
    return run


def graph(run: Run) -> onnx.ModelProto:
    """The graph of a run's file."""
    with Store.open() as store:
        return onnx.load(store.file(run.artifact.sha256))
