"""Text from end to end on a tiny network: whatever technique applies keeps its promises on word pieces too."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edgekit import library
from edgekit.artifacts.export import export
from edgekit.artifacts.read import layers
from edgekit.artifacts.write import write
from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError, NothingToDo
from edgekit.core.host import this_host
from edgekit.core.model import Model
from edgekit.core.preprocessing import Text
from edgekit.core.text import UNCASED_PIECES
from edgekit.data import bring, feed, splits
from edgekit.measure.candidates import Candidates
from edgekit.models.architectures.minilm import TextClassifier
from edgekit.models.training import Schedule, fit
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.registry import techniques
from edgekit.store.store import Store
from edgekit.tasks import task
from tests.test_every_technique import small

LENGTH, SIZES = 8, {"dim": 16, "depth": 2, "num_heads": 4, "hidden": 32}
GOOD, BAD = ("good", "great", "lovely", "excellent"), ("bad", "awful", "terrible", "poor")
THINGS = ("film", "food", "phone", "service", "plot", "waiter", "battery", "story", "soup", "screen")
NOT_FOR_TEXT = {"search_architecture", "separate_convs", "shrink_input", "swap_architecture"}
FLOAT_ACTIVATIONS = {"quantize_aware_train": {"activation_bits": "float"}}  # codes have no place between the heads
ALL = [
    small(kind, **FLOAT_ACTIVATIONS.get(name, {})) for name, kind in techniques().items() if name not in NOT_FOR_TEXT
]


def a_table(path: Path) -> Path:
    """80 short sentences with the word that decides at either end."""
    rows = [
        f"{text},{label}"
        for label, words in (("good", GOOD), ("bad", BAD))
        for word in words
        for thing in THINGS
        for text in ([f"A {word} {thing}."] if thing < "phone" else [f"The {thing} was {word}!"])
    ]
    path.write_text("\n".join(["text,label", *rows]))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    """Sentences that were brought as a table, in a home of this module's own."""
    folder = tmp_path_factory.mktemp("text")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_HOME", str(folder / "home"))
        yield splits.load(bring.add(a_table(folder / "opinions.csv")))


@pytest.fixture(scope="module")
def model(data: splits.Dataset) -> Model:
    """A transformer of two blocks that has learned which words are kind."""
    prepared, asked = Text(length=LENGTH), task("classification")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TextClassifier(2, LENGTH, **SIZES)
    schedule = Schedule(30, 0.01, len(data.training) // 16, optimizer="adamw")
    network, _ = fit(network, lambda epoch: feed.batches(data.training, prepared, 16, epoch, shift=0), schedule, asked)
    return Model(
        id="tiny-text", title="Tiny text", sha256="3" * 64, input_shape=(LENGTH,), data=data.id, preprocessing=prepared,
        labels=("bad", "good"), task=asked, network=network,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bench(model: Model, data: splits.Dataset) -> Bench:
    return feed.bench(model, data, host=this_host(), candidates=Candidates(model, data.validation))


@pytest.fixture(scope="module")
def ids(model: Model, data: splits.Dataset) -> np.ndarray:
    return model.preprocessing(data.evaluation.raw)


def answers(path: str, ids: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(None, {"input": ids})[0]


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.id())
def test_a_technique_for_text_makes_a_file_that_agrees_with_it(step, model, bench, ids, tmp_path, capfd):
    state = Recipe((step,)).apply(model, bench)
    found = answers(write(state.graph, state.encodings, tmp_path, "", None).path, ids)
    if state.network is None:
        wanted = onnxruntime.InferenceSession(state.graph.SerializeToString()).run(None, {"input": ids})[0]
    else:
        wanted = state.network(torch.from_numpy(ids)).detach().numpy()
    assert state.changes
    assert found.shape == (len(ids), 2)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", sorted(NOT_FOR_TEXT))
def test_what_is_for_images_says_so(name, model, bench):
    recipe = Recipe((small(techniques()[name]),))
    if name == "separate_convs":
        with pytest.raises(NothingToDo):
            recipe.apply(model, bench)
    else:
        (problem,) = recipe.problems(model)
        assert "needs images as inputs" in problem


@pytest.mark.parametrize("step", ["quantize_dynamic", "quantize_static"])
def test_the_table_of_word_pieces_becomes_integers_and_is_counted_as_such(step, model, bench, ids, tmp_path):
    state = Recipe.parse(step).apply(model, bench)
    file = write(state.graph, {}, tmp_path, "", None)
    (row,) = [row for row in layers(Path(file.path)) if row["layer"] == "words"]
    assert (row["bits"], row["shape"], row["params"]) == (8, [UNCASED_PIECES, 16], 16 * UNCASED_PIECES)
    assert row["weight_bits"] == 8 * 16 * UNCASED_PIECES + 16 * (32 + 8)
    skipped = Recipe.parse(f"{step},skip=words").apply(model, bench)
    assert skipped.graph.ByteSize() - state.graph.ByteSize() > 2.9 * 16 * UNCASED_PIECES
    float_table = model.network.words.weight.detach().numpy()
    table = next(t for t in state.graph.graph.initializer if t.name == "words.weight")
    scale = next(t for t in state.graph.graph.initializer if t.name == "words.weight_scale")
    decoded = onnx.numpy_helper.to_array(table) * onnx.numpy_helper.to_array(scale)
    assert (np.abs(decoded - float_table) <= 0.5001 * onnx.numpy_helper.to_array(scale)).all()


def test_half_of_the_heads_go_and_training_wins_the_answers_back(model, data):
    with Store.open() as store:
        recipe = Recipe.parse(["prune_heads,sparsity=0.5,feed_forward=0.3", "fine_tune,epochs=2", "quantize_dynamic"])
        run = compress(model, recipe, store=store)
    assert run.measurements["accuracy"].value >= 0.9
    assert run.measurements["macro_f1"].value >= 0.9
    assert run.comparison.size_ratio < 0.3


def test_a_brought_file_for_word_pieces_is_fitted_and_one_with_another_vocabulary_refused(model, data, ids, tmp_path):
    graph = export(model.network, ids[:1])
    (tmp_path / "tiny.onnx").write_bytes(graph.SerializeToString())
    brought = library.load(library.add(tmp_path / "tiny.onnx", data.id))
    assert brought.preprocessing == Text(length=LENGTH)
    assert brought.card["scaling"].startswith("Fed as “BERT's word pieces”: 100 % of ")
    other = export(TextClassifier(2, LENGTH, pieces=500, **SIZES).eval(), np.zeros_like(ids[:1]))
    (tmp_path / "other.onnx").write_bytes(other.SerializeToString())
    with pytest.raises(ModelError) as said:
        library.add(tmp_path / "other.onnx", data.id)
    assert str(said.value) == (
        "EdgeKit cuts texts with BERT's uncased vocabulary, so a file must look word pieces up in a table of 30,522 "
        "vectors; the table of this file has 500. Train it with that vocabulary."
    )


def test_nothing_is_shuffled_or_augmented_but_the_order(model, data):
    held = {tuple(row) for row in model.preprocessing(data.training.raw).tolist()}
    inputs, labels = next(feed.batches(dataclasses.replace(data.training), model.preprocessing, 16, 0, shift=0))
    assert inputs.dtype == labels.dtype == torch.int64
    assert {tuple(row) for row in inputs.tolist()} <= held
