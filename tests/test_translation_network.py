"""Translation from end to end on a tiny network that has learned a small language, with every technique."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from edgekit import library
from edgekit.artifacts.write import write
from edgekit.core.errors import ModelError
from edgekit.core.model import Model
from edgekit.core.preprocessing import TextPairs
from edgekit.core.technique import Technique
from edgekit.data import arrays, catalog, feed, splits
from edgekit.data.forms.translations import split
from edgekit.measure.outputs import outputs
from edgekit.measure.whole import whole_latencies
from edgekit.models.architectures.seq2seq import LENGTH, Seq2Seq
from edgekit.models.training import Schedule, fit, with_teacher
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.registry import techniques
from edgekit.store.store import Store
from edgekit.tasks import task
from tests.benchmarks.matrix import pair
from tests.tasks.sentences import pairs
from tests.test_every_technique import small

SIZES = {"dim": 32, "depth": 2, "num_heads": 4, "hidden": 64, "dropout": 0.0}
FOR_IMAGES = {"search_architecture", "shrink_input", "swap_architecture"}
NOTHING_TO_DO = {"separate_convs"}
SETTINGS = {"quantize_aware_train": {"activation_bits": "float"}}  # codes have no place between the heads
TEST, VALIDATION = 24, 12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    """The small language as a data set of the catalog, in a home and a cache of this module's own."""
    folder = tmp_path_factory.mktemp("pairs")
    found = dict(zip(catalog.ARRAYS, split(pairs(), test=TEST), strict=True))
    about = {
        "title": "Tiny pairs", "kind": "text", "task": "translation", "classes": [],
        "shape": [found["training_raw"].shape[1]], "training": len(found["training_raw"]), "evaluation": TEST,
        "validation": VALIDATION, "sha256": {name: arrays.digest(array) for name, array in found.items()},
    }  # fmt: skip
    (folder / "catalog.yaml").write_text(yaml.safe_dump({"tiny-pairs": about}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_HOME", str(folder / "home"))
        patch.setenv("EDGEKIT_CACHE", str(folder / "cache"))
        patch.setattr(catalog, "CATALOG", folder / "catalog.yaml")
        arrays.keep(splits.fetched_folder("tiny-pairs"), found)
        yield splits.load("tiny-pairs")


def trained(data: splits.Dataset, epochs: int, **sizes) -> torch.nn.Module:
    asked, prepared = task("translation"), TextPairs(length=LENGTH)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Seq2Seq(**(SIZES | sizes))
    schedule = Schedule(epochs, 0.01, len(data.training) // 16, optimizer="adamw")
    network, _ = fit(network, lambda epoch: feed.batches(data.training, prepared, 16, epoch, shift=0), schedule, asked)
    return network


@pytest.fixture(scope="module")
def model(data: splits.Dataset) -> Model:
    return Model(
        id="tiny-translator", title="Tiny translator", sha256="5" * 64, input_shape=(2 * LENGTH,), data=data.id,
        preprocessing=TextPairs(length=LENGTH), labels=(), task=task("translation"), network=trained(data, 25),
    )  # fmt: skip


@pytest.mark.parametrize("technique", techniques().values(), ids=techniques())
def test_a_technique_works_or_says_why_not(technique: type[Technique], model: Model, data: splits.Dataset):
    name = technique.id()
    found = pair(model, data, small(technique, **SETTINGS.get(name, {})))
    if name in FOR_IMAGES:
        assert found["outcome"] == "greyed out"
        assert "needs images as inputs" in found["why"]
    elif name in NOTHING_TO_DO:
        assert found["outcome"] == "nothing to do"
    else:
        assert found["outcome"] == "works", found["why"]


def test_a_network_learns_the_language_and_integers_forget_nothing_of_it(model: Model):
    with Store.open() as store:
        run = compress(model, Recipe.parse("quantize_dynamic"), store=store)
    assert run.baseline_measurements["bleu"].value > 0.95
    assert run.measurements["bleu"].value > 0.9
    assert run.measurements["token_accuracy"].value > 0.95
    assert run.comparison.size_ratio < 0.5
    assert run.confusion == []
    how = run.measurements["bleu"].how
    assert how.startswith("24 test samples of tiny-pairs, decoded greedily, a pass for each piece, sacreBLEU 2.")


def test_half_of_the_heads_of_all_three_kinds_of_attention_go(model: Model):
    with Store.open() as store:
        recipe = Recipe.parse(
            ["prune_heads,sparsity=0.5,feed_forward=0.5", "fine_tune,epochs=5,learning_rate=0.003,optimizer=adamw"]
        )
        run = compress(model, recipe, store=store)
    layers = {change["layer"]: change["what"] for change in run.changes if "heads" in change["what"]}
    assert {layer.rsplit(".", 1)[0] for layer in layers} == {
        "encoder.0.attention", "encoder.1.attention", "decoder.0.attention", "decoder.0.cross",
        "decoder.1.attention", "decoder.1.cross",
    }  # fmt: skip
    assert run.measurements["bleu"].value > 0.9


def test_what_a_file_says_otherwise_is_told_in_words(model: Model, data: splits.Dataset):
    with Store.open() as store:
        run = compress(model, Recipe.parse("prune_weights,sparsity=0.8"), store=store)
    found = run.disagreements
    assert found.count > 0
    one = found.examples[0]
    said = [data.entry.answer(answer) for answer in (one.label, one.before, one.after)]
    assert said[0].split()[1] == "la"
    assert said[1] != said[2]
    assert Store.open().get(run.id).disagreements == found


def test_the_whole_way_is_a_whole_text_and_names_how_it_is_decoded(model: Model, data: splits.Dataset, tmp_path: Path):
    from edgekit.artifacts.export import export

    example = model.preprocessing(data.validation.raw[:1])
    file = write(export(model.network, example), {}, tmp_path, "", None)
    (found,) = whole_latencies([Path(file.path)], model, data.evaluation)
    assert ", 1 thread, decoded greedily, a pass for each piece, ONNX Runtime " in found.total_ms.how
    said = model.task.answers(outputs(Path(file.path), data.evaluation, model.preprocessing))
    passes = (said != 0).sum(1).mean()
    with Store.open() as store:
        once = compress(model, Recipe(), store=store).measurements["latency_ms"].value
    assert found.steps["run"].value > 0.5 * passes * once


def test_a_brought_file_is_fitted_and_decoded_like_ours_and_a_classifier_refused(model: Model, tmp_path: Path):
    from edgekit.artifacts.export import export

    example = model.preprocessing(splits.load(model.data).validation.raw[:1])
    (tmp_path / "mine.onnx").write_bytes(export(model.network, example).SerializeToString())
    brought = library.load(library.add(tmp_path / "mine.onnx", model.data))
    assert brought.preprocessing == TextPairs(length=LENGTH)
    assert brought.card["scaling"].startswith("Fed as “byte pairs of both languages”: 100 % BLEU on 12 validation")
    last = torch.nn.Sequential(model.network, torch.nn.Flatten(), torch.nn.Linear(LENGTH * 2000, 2)).eval()
    (tmp_path / "other.onnx").write_bytes(export(last, example).SerializeToString())
    with pytest.raises(ModelError) as refused:
        library.add(tmp_path / "other.onnx", model.data)
    assert str(refused.value) == (
        "of Tiny pairs, the first output must say of each place how likely each piece comes next, (batch, places, "
        "pieces); that of this file is any × 2. Choose the data set that it was trained on."
    )


def test_a_student_learns_from_its_teacher_alone(model: Model, data: splits.Dataset):
    prepared, asked = model.preprocessing, model.task
    with torch.random.fork_rng():
        torch.manual_seed(1)
        student = Seq2Seq(**(SIZES | {"depth": 1}))
    schedule = Schedule(25, 0.01, len(data.training) // 16, optimizer="adamw")
    student, _ = fit(
        student, lambda epoch: feed.batches(data.training, prepared, 16, epoch, shift=0), schedule, asked,
        loss=with_teacher(asked, model.network, 1.0),
    )  # fmt: skip
    with torch.no_grad():
        found = asked.run(lambda rows: student(torch.from_numpy(rows)).numpy(), prepared(data.evaluation.raw))
    assert asked.scores(found, data.evaluation.labels).mean() > 0.9
    assert np.isfinite(asked.confidences(found)).all()
