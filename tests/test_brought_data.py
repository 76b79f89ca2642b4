"""A network and the data of one's own, together: found out how it is fed, compressed, measured; without labels too."""

import numpy as np
import pytest
import torch

from edgekit import library
from edgekit.artifacts.export import export
from edgekit.core.measurement import BY_TASK, METRICS, OF_DEVICES
from edgekit.core.preprocessing import Sound, Values
from edgekit.core.technique import Fact
from edgekit.data import bring, splits
from edgekit.data.catalog import brought, entry
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.brought import a_file
from tests.data.brought import clusters, in_a_folder, tone

PRUNED = Recipe.parse(["prune_weights,sparsity=0.3", "quantize_static"])


@pytest.fixture(autouse=True)
def own_home(home):
    """Models, data and runs in a folder of their own."""


def trained(network: torch.nn.Module, inputs: np.ndarray, labels: np.ndarray) -> torch.nn.Module:
    """A network that has learned its samples by heart."""
    torch.manual_seed(0)
    optimizer, x, y = torch.optim.Adam(network.parameters(), 0.02), torch.from_numpy(inputs), torch.from_numpy(labels)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network.eval()


def as_file(path, network: torch.nn.Module, inputs: np.ndarray):
    path.write_bytes(export(network, inputs[:1]).SerializeToString())
    return path


def test_a_table_and_a_network_for_it_are_scored_pruned_and_quantized(tmp_path):
    x, y = clusters(400)
    x = 100 + 50 * x  # so that it matters how it is scaled
    np.savez(tmp_path / "points.npz", x=x, y=y)
    data = bring.add(tmp_path / "points.npz")
    seen = splits.load(data).training
    scaled = (seen.raw - seen.raw.mean(0)) / seen.raw.std(0)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
    file = as_file(tmp_path / "mlp.onnx", trained(network, scaled, seen.labels), scaled)
    model = library.load(library.add(file, data))
    assert isinstance(model.preprocessing, Values)
    assert model.card["scaling"].startswith("Fed as “each feature's mean and deviation”: ")
    assert Fact.TRAINING_DATA in model.facts()
    with Store.open() as store:
        run = compress(model, PRUNED, store=store)
        tuned = compress(model, Recipe.parse("fine_tune,epochs=1"), store=store)
    assert run.baseline_measurements["accuracy"].value > 0.95
    assert run.measurements["accuracy"].value > 0.9
    assert len(run.confusion) == 3
    assert len(tuned.curve) == 1


def test_recordings_and_a_network_for_their_cepstra(tmp_path):
    files = {f"{name}/{n}.wav": tone(hertz + 7 * n) for name, hertz in (("low", 200), ("high", 900)) for n in range(30)}
    data = bring.add(in_a_folder(tmp_path / "tones", files))
    seen = splits.load(data).training
    inputs = Sound(rate=8000, coefficients=13, channels_first=True)(seen.raw)  # (n, 13, 48)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv1d(13, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten(),
        torch.nn.Linear(8, 2),
    )  # fmt: skip
    file = as_file(tmp_path / "tones.onnx", trained(network, inputs, seen.labels), inputs)
    model = library.load(library.add(file, data))
    assert model.preprocessing == Sound(rate=8000, coefficients=13, channels_first=True)
    with Store.open() as store:
        run = compress(model, PRUNED, store=store)
    assert run.measurements["accuracy"].value == 1.0


def test_without_labels_agreement_with_the_original_stands_in_for_accuracy(tmp_path):
    np.savez(tmp_path / "clothes.npz", x=splits.load("fashion-mnist").evaluation.take(200).raw)
    data = bring.add(tmp_path / "clothes.npz")
    model = library.load(library.add(a_file(tmp_path), data, scaling="0 to 1"))
    assert Fact.TRAINING_DATA not in model.facts()
    with Store.open() as store:
        run = compress(model, Recipe.parse("quantize_weights,bits=2,rounding=nearest"), store=store)
    assert set(METRICS) - set(run.measurements) == set(BY_TASK) - {"agreement", "sqnr_db"} | set(OF_DEVICES)
    assert run.baseline_measurements["agreement"].value == 1.0
    changed = run.disagreements.count / run.disagreements.total
    assert run.measurements["agreement"].value == pytest.approx(1 - changed)
    assert 0 < run.measurements["sqnr_db"].value < 40
    assert run.confusion == []
    assert run.comparison.accuracy_difference.value == pytest.approx(-changed)


def test_what_needs_labels_is_refused_without_them_and_says_so(tmp_path):
    np.savez(tmp_path / "clothes.npz", x=splits.load("fashion-mnist").evaluation.take(60).raw)
    model = library.load(library.add(a_file(tmp_path), bring.add(tmp_path / "clothes.npz")))
    (problem,) = Recipe.parse("fine_tune").problems(model)
    assert "needs training data with labels" in problem


def test_a_network_that_came_alone_gets_random_inputs_that_are_called_so(tmp_path):
    model = library.load(a_file(tmp_path))
    about = entry(model.data)
    assert about.synthetic
    assert about.shape == (1, 28, 28)
    assert model.card["scaling"].startswith("Fed with random numbers: ")
    with Store.open() as store:
        run = compress(model, Recipe.parse("quantize_static"), store=store)
    assert run.measurements["random_agreement"].value > 0.5
    assert {"latency_ms", "size_bytes", "peak_memory_bytes"} <= run.measurements.keys()
    assert not {"accuracy", "agreement"} & run.measurements.keys()
    assert library.load(a_file(tmp_path)).data == model.data
    assert len(brought()) == 1
    library.remove(model.id)
    assert not brought()


def test_labels_that_are_numbers_are_come_close_to_with_r2_and_training(tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    y = (x @ [1.0, -2.0, 0.5, 3.0] + 0.1 * np.sin(9 * x[:, 0])).astype(np.float32)
    np.savez(tmp_path / "prices.npz", x=x, y=y)
    data = bring.add(tmp_path / "prices.npz")
    assert (entry(data).task, entry(data).classes) == ("regression", ())
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    seen = splits.load(data).training
    assert seen.labels.dtype == np.float32
    optimizer, inputs = torch.optim.Adam(network.parameters(), 0.02), torch.from_numpy(np.array(seen.raw))
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(inputs)[:, 0], torch.from_numpy(seen.labels)).backward()
        optimizer.step()
    model = library.load(library.add(as_file(tmp_path / "mlp.onnx", network.eval(), np.array(seen.raw)), data))
    assert model.card["scaling"].startswith("Fed as “as they are”: 100 % of the variance of 22 validation samples")
    with Store.open() as store:
        plain = compress(model, Recipe.parse("quantize_static"), store=store)
        steps = ["prune_weights,sparsity=0.5,score=taylor", "fine_tune,epochs=20,learning_rate=0.02", "quantize_static"]
        tuned = compress(model, Recipe.parse(steps), store=store)
        untuned = compress(model, Recipe.parse(steps[:1]), store=store)
    assert plain.baseline_measurements["r2"].value > 0.97
    assert plain.measurements["r2"].value > 0.9
    assert tuned.measurements["r2"].value > untuned.measurements["r2"].value
    assert plain.confusion == []
    assert tuned.curve[-1]["validation_accuracy"] > 0.8
