"""Two questions from one backbone: the same answers to the first, good ones to the second, in the time of one file."""

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from edgekit.core.errors import ModelError
from edgekit.data import splits
from edgekit.data.catalog import entry
from edgekit.models import samples
from edgekit.reuse.shared_backbone import COARSE, last_linear, share_backbone, two_outputs

EXAMPLE = np.zeros((1, 1, 28, 28), np.float32)


@pytest.fixture(scope="module")
def fashion() -> splits.Dataset:
    """Fewer samples than there are, so that training takes a moment."""
    whole = splits.load("fashion-mnist")
    return dataclasses.replace(whole, training=whole.training.take(1024), evaluation=whole.evaluation.take(1000))


def test_every_class_has_a_coarser_one():
    for data, (coarse, names) in COARSE.items():
        assert len(coarse) == len(entry(data).classes)
        assert sorted(set(coarse)) == list(range(len(names)))
    vehicles = [name for name, one in zip(entry("cifar10").classes, COARSE["cifar10"][0], strict=True) if one]
    assert vehicles == ["airplane", "automobile", "ship", "truck"]


def test_one_file_gives_both_heads_answers():
    network = samples.load("lenet5-fashion").network
    torch.manual_seed(0)
    head = nn.Linear(500, 4)
    graph = two_outputs(network, head, EXAMPLE)
    onnx.checker.check_model(graph, full_check=True)
    images = torch.randn(3, 1, 28, 28)
    found = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"input": images.numpy()})
    backbone = nn.Sequential(network.conv1, nn.ReLU(), nn.MaxPool2d(2), network.conv2, nn.ReLU(), nn.MaxPool2d(2))
    with torch.no_grad():
        features = network.fc1(backbone(images).flatten(1)).relu()
        np.testing.assert_allclose(found[0], network(images).numpy(), atol=1e-4)
        np.testing.assert_allclose(found[1], head(features).numpy(), atol=1e-4)


def test_the_last_linear_is_the_one_that_answers():
    assert last_linear(samples.load("lenet5-fashion").network, EXAMPLE)[0] == "fc2"
    with pytest.raises(ModelError) as said:
        last_linear(nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softmax(1)), EXAMPLE)
    assert str(said.value) == (
        "sharing a backbone needs a network whose answers come from a Linear; those of Sequential do not. "
        "Take another network."
    )


def test_sharing_is_measured_against_two_files(fashion, tmp_path):
    model = samples.load("lenet5-fashion")
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    random, told = torch.get_rng_state(), []
    found = share_backbone(model, fashion, tmp_path, epochs=2, progress=lambda *one: told.append(one[0]))
    own, coarse = found.questions
    assert (own.shared.value, own.difference.value) == (own.alone.value, 0)
    assert coarse.shared.value > 0.97
    assert coarse.difference.value > -0.01
    assert coarse.difference.value == pytest.approx(coarse.shared.value - coarse.alone.value)
    assert found.ratio.high < 1 / 1.5
    assert found.shared.bytes < 0.6 * sum(file.bytes for file in found.alone)
    assert told == sorted(told)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_data_without_a_coarser_question_is_refused(fashion, tmp_path):
    model = dataclasses.replace(samples.load("lenet5-fashion"), data="digits")
    with pytest.raises(ModelError) as said:
        share_backbone(model, fashion, tmp_path)
    assert str(said.value) == "no coarser classes for data set 'digits'. There are: cifar10, fashion-mnist."
