"""Models by name: the samples, and files that a person brings, which are then compressed as any other."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import edgekit as ek
from edgekit import library, pipeline
from edgekit.core import files
from edgekit.core.errors import DataError, ModelError
from edgekit.core.preprocessing import Pixels
from edgekit.data import splits
from edgekit.models import samples, uploads
from edgekit.models.architectures import ARCHITECTURES
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.brought import LENET, a_file

pytestmark = pytest.mark.usefixtures("home")


def test_a_sample_is_loaded_by_its_name():
    assert library.load(LENET) is samples.load(LENET)
    assert list(library.cards()) == list(samples.cards())


def test_a_file_becomes_a_model_that_is_listed_and_loads_again(tmp_path):
    path = a_file(tmp_path)
    name = library.add(path, "fashion-mnist", title="My network")
    card = library.card(name)
    assert name.startswith("lenet-")
    assert (card.title, card.file, card.params) == ("My network", "lenet.onnx", 431_080)
    assert card.bytes == path.stat().st_size
    assert list(library.cards()) == [*samples.cards(), name]
    assert library.add(path, "fashion-mnist") == name, "the same file again is the same model"
    model = library.load(name)
    assert model.network is not None
    assert model.sha256 == card.identity
    assert model.preprocessing == samples.load(LENET).preprocessing


def test_the_bytes_that_were_brought_are_kept_and_deleted_on_request(tmp_path):
    path = a_file(tmp_path)
    name = library.add(path, "fashion-mnist")
    kept = uploads.folder() / name / "model"
    assert kept.read_bytes() == path.read_bytes()
    library.remove(name)
    assert not kept.exists()
    assert list(library.cards()) == list(samples.cards())
    with pytest.raises(ModelError, match="no model"):
        library.load(name)


def test_how_pixels_are_scaled_is_found_by_trying(tmp_path):
    plain, raw = (library.add(a_file(tmp_path, raw=raw), "fashion-mnist") for raw in (False, True))
    assert library.card(plain).scaling.startswith("Fed as “Fashion-MNIST's mean and deviation”: 9")
    assert library.card(raw).scaling.startswith("Fed as “0 to 255”: 9")
    assert plain != raw


def test_a_scaling_can_be_chosen_instead(tmp_path):
    card = library.card(library.add(a_file(tmp_path), "fashion-mnist", scaling="−1 to 1"))
    assert card.preprocessing == Pixels(mean=(0.5,), std=(0.5,))
    with pytest.raises(ModelError, match="no scaling '0 to 2'"):
        library.add(a_file(tmp_path), "fashion-mnist", scaling="0 to 2")


def test_a_brought_model_can_be_fed_otherwise(tmp_path):
    name = library.add(a_file(tmp_path), "fashion-mnist", title="Mine")
    ways = uploads.cards()[name].ways
    assert max(ways, key=ways.get) == "Fashion-MNIST's mean and deviation"
    again = library.feed_otherwise(name, "0 to 255")
    (card,) = uploads.cards().values()
    assert (card.id, card.title, card.file) == (again, "Mine", "lenet.onnx")
    assert card.preprocessing == Pixels(mean=(0.0,), std=(1 / 255,))
    assert card.ways["0 to 255"] < ways["Fashion-MNIST's mean and deviation"]
    with pytest.raises(ModelError, match="no scaling '0 to 2'"):
        library.feed_otherwise(again, "0 to 2")


def test_a_batch_size_that_was_written_in_is_freed(tmp_path):
    model = library.load(library.add(a_file(tmp_path, batch=1), "fashion-mnist"))
    dims = model.graph.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, dims[1].dim_value) == ("batch", 1)


def test_a_brought_file_runs_through_recipes_of_both_kinds_and_keeps_its_names(tmp_path):
    model = library.load(library.add(a_file(tmp_path), "fashion-mnist"))
    with Store.open() as store:
        for steps in ("quantize_static", "prune_channels,sparsity=0.3"):
            run = ek.compress(model, Recipe.parse(steps), store=store, samples=500)
            graph = onnx.load(run.artifact.path)
            assert [value.name for value in (*graph.graph.input, *graph.graph.output)] == ["pixels", "logits"]
            assert run.measurements["size_bytes"].value < run.baseline_measurements["size_bytes"].value
        base = store.get(run.baseline)
    known = splits.load("fashion-mnist").evaluation.take(500)
    session = onnxruntime.InferenceSession(base.artifact.path, providers=["CPUExecutionProvider"])
    answers = session.run(None, {"pixels": model.preprocessing(known.raw)})[0].argmax(1)
    assert base.measurements["accuracy"].value == pytest.approx(np.mean(answers == known.labels))


def test_a_file_is_loaded_with_the_data_that_it_is_scored_on(tmp_path):
    path = a_file(tmp_path)
    assert ek.load(path, data="fashion-mnist").data == "fashion-mnist"
    with pytest.raises(DataError, match="no data set 'fashion'"):
        ek.load(path, data="fashion")


def test_what_comes_with_edgekit_cannot_be_removed():
    with pytest.raises(ModelError) as said:
        library.remove(LENET)
    assert str(said.value) == f"{LENET} comes with EdgeKit and cannot be removed; only uploads can."


def test_a_file_that_is_quantized_already_is_measured_and_pruned_but_not_quantized_again(tmp_path):
    with Store.open() as store:
        run = ek.compress(samples.load(LENET), Recipe.parse("quantize_static"), store=store, samples=500)
        model = library.load(library.add(Path(run.artifact.path), "fashion-mnist", title="Quantized"))
        assert (model.network, model.quantized) == (None, True)
        again = pipeline.baseline(model, store=store, samples=500)
        assert again.measurements["accuracy"].value == run.measurements["accuracy"].value
        pruned = ek.compress(model, Recipe.parse("prune_weights,sparsity=0.5"), store=store, samples=500)
        assert pruned.measurements["shipped_bytes"].value < again.measurements["shipped_bytes"].value
    assert Recipe.parse("quantize_static").problems(model) == [
        f"Step 1 (Static 8-bit quantization) needs {fact}, which {model.id} does not have: it is quantized already: it "
        "can be measured and compared, but neither quantized again nor trained. Remove step 1."
        for fact in ("float activations", "ordinary float weights")
    ]
    (problem,) = Recipe.parse("prune_weights,score=wanda").problems(model)
    assert problem.startswith(
        f"Step 1 (Magnitude pruning) works on the codes of {model.id}, which is quantized already, and there "
    )
    assert problem.endswith("Change that, or remove the step.")


def test_a_file_that_takes_channels_last_is_fed_so_and_told_what_it_cannot_have(tmp_path):
    model = library.load(library.add(a_file(tmp_path, channels_last=True), "fashion-mnist"))
    assert (model.input_shape, model.preprocessing.channels_last) == ((28, 28, 1), True)
    with Store.open() as store:
        run = ek.compress(
            model, Recipe.parse("prune_weights,sparsity=0.5", "quantize_static"), store=store, samples=500
        )
    assert run.baseline_measurements["accuracy"].value > 0.9
    assert run.measurements["accuracy"].value > 0.85
    assert Recipe.parse("shrink_input,epochs=0").problems(model) == [
        "Step 1 (Smaller input) needs images as inputs, with their channels before height and width, which "
        f"{model.id} does not have. Remove step 1."
    ]


def test_weights_alone_become_the_architecture_that_they_are_for(tmp_path):
    path = samples_weights(tmp_path)
    name = library.add(path, "fashion-mnist", architecture="lenet5")
    assert library.card(name).architecture == "lenet5"
    model, ours = library.load(name), samples.load(LENET)
    assert model.graph is None
    assert all(torch.equal(a, b) for a, b in zip(model.network.parameters(), ours.network.parameters(), strict=True))


def test_weights_alone_need_the_name_of_an_architecture_that_fits(tmp_path):
    path = samples_weights(tmp_path)
    with pytest.raises(ModelError, match="holds weights and no network. Choose which of these architectures"):
        library.add(path, "fashion-mnist")
    with pytest.raises(ModelError, match="no architecture 'lenet6'. Did you mean 'lenet5'"):
        library.add(path, "fashion-mnist", architecture="lenet6")
    with pytest.raises(ModelError, match="weights of resnet8 must have its names and shapes"):
        library.add(path, "fashion-mnist", architecture="resnet8")
    assert not uploads.cards()


def test_every_architecture_can_be_named():
    assert set(library.ARCHITECTURES) == set(ARCHITECTURES)


def samples_weights(folder: Path) -> Path:
    """The weights of a sample model, under another name."""
    path = folder / "mine.safetensors"
    shutil.copyfile(files.sample_models() / LENET / "model.safetensors", path)
    return path
