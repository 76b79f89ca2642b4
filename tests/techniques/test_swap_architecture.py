"""A student takes the network's place: it learns, and every later step can work on it."""

import copy

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from edgekit.artifacts.export import export
from edgekit.core.anatomy import blocks
from edgekit.core.errors import ModelError
from edgekit.core.technique import Change, Fact
from edgekit.models.architectures import FOR_ANY_IMAGE, fresh, parameters
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.swap_architecture import SwapArchitecture
from tests.techniques.benches import a_bench

IMAGE = (3, 16, 16)


def original() -> nn.Module:
    return fresh("resnet8", 7, IMAGE, 1.0, seed=0).eval()


def test_the_student_has_the_networks_inputs_and_classes_and_says_what_it_is_made_of():
    applied = SwapArchitecture(architecture="ds_cnn", width=0.5, epochs=1).apply(original(), a_bench(IMAGE, classes=7))
    with torch.no_grad():
        assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 7)
    assert applied.changes[:3] == [
        Change("stem.conv", "new: 3 × 3, 3 channels to 32"),
        Change("blocks.0.depthwise.conv", "new: 3 × 3 on each of 32 channels"),
        Change("blocks.0.pointwise.conv", "new: 1 × 1, 32 channels to 32"),
    ]
    assert applied.changes[-1] == Change("fc", "new: 32 numbers to 7")
    assert [point["epoch"] for point in applied.curve] == [1]
    assert not applied.result.training


def test_it_starts_from_random_weights_that_the_seed_decides_and_learns():
    step, network = SwapArchitecture(architecture="resnet8", width=0.5, epochs=8), original()
    first, same, other = (
        step.apply(copy.deepcopy(network), a_bench(IMAGE, classes=7, seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first.result.stem.weight, same.result.stem.weight)
    assert not torch.equal(first.result.stem.weight, other.result.stem.weight)
    assert first.curve[-1]["loss"] < 0.8 * first.curve[0]["loss"]


def test_the_width_narrows_it():
    sizes = [
        parameters(
            SwapArchitecture(width=width, epochs=1).apply(original(), a_bench(IMAGE, samples=32, classes=7)).result
        )
        for width in (0.1, 0.25)
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("name", FOR_ANY_IMAGE)
def test_facts_say_whether_there_are_residual_blocks(name):
    found = bool(blocks(fresh(name, 10, IMAGE, 0.25, seed=0)))
    assert (Fact.BLOCKS in SwapArchitecture(architecture=name).adds) is found
    assert Fact.BATCH_NORM in SwapArchitecture(architecture=name).adds


@pytest.mark.parametrize("name", FOR_ANY_IMAGE)
def test_every_architecture_can_be_exported_pruned_and_quantized(name):
    bench = a_bench(IMAGE)
    images = bench.calibration(64)
    network = _seen(fresh(name, 10, IMAGE, 0.5, seed=0), images)
    pruned = PruneChannels(sparsity=0.5).apply(network, bench).result
    assert parameters(pruned) < parameters(fresh(name, 10, IMAGE, 0.5, seed=0))
    pruned = _seen(pruned, images)
    with torch.no_grad():
        wanted = pruned(torch.from_numpy(images)).numpy()
    graph = export(pruned, bench.example)
    np.testing.assert_allclose(_run(graph, images), wanted, rtol=1e-3, atol=1e-4)
    quantized = QuantizeStatic().apply(graph, bench)
    assert len(quantized.changes) == sum(node.op_type in ("Conv", "Gemm") for node in graph.graph.node)
    spread = np.linalg.norm(wanted - wanted.mean(0))  # of answers that are almost noise: no layer has learned anything
    assert np.linalg.norm(_run(quantized.result, images) - wanted) < 0.9 * spread


@pytest.mark.parametrize(
    ("network", "shape", "said"),
    [
        (nn.Linear(16, 4), (16,), "takes (16,) and answers with (4,)"),
        (nn.Conv2d(3, 4, 3), (3, 8, 8), "takes (3, 8, 8) and answers with (4, 6, 6)"),
    ],
)
def test_what_is_no_classifier_of_images_is_refused(network, shape, said):
    with pytest.raises(ModelError) as refused:
        SwapArchitecture().apply(network, a_bench(shape))
    assert str(refused.value) == (
        "Another architecture is for networks that take images (channels, height, width) and answer with a number per "
        f"class; this one {said}. Remove the step."
    )


@torch.no_grad()
def _seen(network: nn.Module, images: np.ndarray) -> nn.Module:
    """The network in eval mode, its normalisation as these images want it."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = None
    network.train()(torch.from_numpy(images))
    return network.eval()


def _run(graph, images: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"input": images})[0]
