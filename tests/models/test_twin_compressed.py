"""What techniques make of a twin is what they make of the network that the file was exported from."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.artifacts.export import export
from edgekit.core.technique import Applied
from edgekit.models.architectures import build, fresh
from edgekit.models.twin import twin
from edgekit.techniques._layers import weight_layers
from edgekit.techniques.factorize import Factorize
from edgekit.techniques.fine_tune import FineTune
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.prune_weights import PruneWeights
from edgekit.techniques.quantize_aware_train import QuantizeAwareTrain
from tests.models.uploads import by_pytorch, noise, of_file, of_network
from tests.techniques.benches import a_bench

IMAGE = (3, 32, 32)


def original(name: str) -> nn.Module:
    return (build(name) if name == "resnet8" else fresh(name, 10, IMAGE, 0.5, seed=0)).eval()


def of_twin(network: nn.Module, technique) -> Applied:
    found = twin(by_pytorch(network, torch.zeros(1, *IMAGE)))
    return technique.apply(found, a_bench(IMAGE))


def exported_as_it_answers(network: nn.Module) -> bool:
    inputs = noise(3, *IMAGE)
    answers = of_file(export(network, inputs[:1]), inputs)[0]
    return np.allclose(answers, of_network(network.eval(), inputs)[0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v2"])
def test_channels_are_pruned_as_in_the_network_that_it_came_from(name: str):
    network = original(name)
    applied = of_twin(network, PruneChannels(sparsity=0.5))
    expected = PruneChannels(sparsity=0.5).apply(network, a_bench(IMAGE))
    assert len(applied.changes) > 8
    assert {c.layer: c.what for c in applied.changes} == {c.layer: c.what for c in expected.changes}
    assert exported_as_it_answers(applied.result)


def test_fine_tuning_moves_its_weights_and_what_comes_of_it_is_exported():
    network = original("resnet8")
    before = copy.deepcopy(twin(by_pytorch(network, torch.zeros(1, *IMAGE))))
    applied = of_twin(network, FineTune(epochs=1))
    moved = [
        name
        for (name, old), new in zip(before.named_parameters(), applied.result.parameters(), strict=True)
        if not torch.equal(old, new)
    ]
    assert "stem.weight" in moved
    assert exported_as_it_answers(applied.result)


@pytest.mark.parametrize("technique", [PruneWeights(sparsity=0.5), Factorize()], ids=["weights", "factors"])
def test_layers_are_found_by_the_patterns_of_their_names(technique):
    only = technique.model_copy(update={"skip": ["stem", "stage[12]*", "fc"]})
    applied = of_twin(original("resnet8"), only)
    assert {change.layer.split(".")[0] for change in applied.changes} == {"stage3"}
    assert exported_as_it_answers(applied.result)


def test_quantization_aware_training_follows_it_and_codes_every_layer():
    found = twin(by_pytorch(original("resnet8"), torch.zeros(1, *IMAGE)))
    bench = replace(a_bench(IMAGE), score=lambda graph: 0.5)
    applied = QuantizeAwareTrain(epochs=1).apply(found, bench)
    assert {f"{name}.weight" for name, _ in weight_layers(found)} <= set(applied.encodings)
