"""An exported graph answers as the network does, under the network's own names, and is traced once per structure."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from edgekit.artifacts import export as export_module
from edgekit.artifacts.export import export
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8
from tests.artifacts.networks import (
    Branching,
    Shared,
    arrays,
    convolutional,
    example,
    run,
    seeded,
    torch_run,
)


@pytest.fixture
def traces(monkeypatch) -> list:
    """An empty cache of templates, and a list that grows with every trace."""
    monkeypatch.setattr(export_module, "_templates", type(export_module._templates)())
    happened, trace = [], export_module._trace
    monkeypatch.setattr(export_module, "_trace", lambda *args: happened.append(args) or trace(*args))
    return happened


@pytest.mark.parametrize("make", [LeNet5, resnet8, convolutional])
def test_a_graph_answers_as_the_network_for_any_batch(make):
    network = make().eval()
    shape = (1, 28, 28) if make is LeNet5 else (3, 32, 32) if make is resnet8 else (3, 8, 8)
    graph = export(network, np.zeros((1, *shape), np.float32))
    onnx.checker.check_model(graph, full_check=True)
    inputs = example((5, *shape))
    np.testing.assert_allclose(run(graph, inputs), torch_run(network, inputs), rtol=1e-5, atol=1e-5)


def test_batch_normalisation_is_folded_to_one_part_in_a_hundred_thousand():
    network = convolutional()
    graph = export(network, example())
    assert "BatchNormalization" not in {node.op_type for node in graph.graph.node}
    np.testing.assert_allclose(run(graph, example()), torch_run(network, example()), rtol=1e-5, atol=1e-5)


def test_folding_follows_the_formula():
    network = convolutional()
    conv, norm, found = network[0], network[1], arrays(export(network, example()))
    gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    np.testing.assert_allclose(found["0.weight"], conv.weight.detach() * gain.view(-1, 1, 1, 1), rtol=1e-6)
    np.testing.assert_allclose(found["0.bias"], (norm.bias - norm.running_mean * gain).detach(), rtol=1e-5, atol=1e-6)


def test_a_normalisation_whose_input_is_used_elsewhere_stays():
    network = seeded(Branching())
    graph = export(network, example())
    assert "BatchNormalization" in {node.op_type for node in graph.graph.node}
    np.testing.assert_allclose(run(graph, example()), torch_run(network, example()), rtol=1e-5, atol=1e-6)


def test_nodes_and_initializers_carry_the_networks_names():
    graph = export(resnet8(), np.zeros((1, 3, 32, 32), np.float32))
    layers = [node for node in graph.graph.node if node.op_type in ("Conv", "Gemm")]
    modules = [name for name, module in resnet8().named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    assert sorted(node.name for node in layers) == sorted(modules)
    assert all(list(node.input[1:]) == [f"{node.name}.weight", f"{node.name}.bias"] for node in layers)


def test_inputs_outputs_and_opset_are_as_agreed():
    graph = export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32))
    (given,), (result,) = graph.graph.input, graph.graph.output
    assert (given.name, result.name) == ("input", "output")
    assert given.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", 21)]
    assert not graph.producer_name
    assert not graph.metadata_props


def test_a_linear_over_more_axes_stores_its_weight_ready_for_matmul():
    network = seeded(nn.Sequential(nn.Linear(6, 4)))
    graph = export(network, example((1, 5, 6)))
    assert arrays(graph)["0.weight"].shape == (6, 4)
    assert [node.op_type for node in graph.graph.node] == ["MatMul", "Add"]
    assert [node.name for node in graph.graph.node][0] == "0"
    np.testing.assert_allclose(run(graph, example((3, 5, 6))), torch_run(network, example((3, 5, 6))), rtol=1e-5)


def test_a_layer_used_twice_is_stored_once_and_named_twice():
    network = seeded(Shared())
    graph = export(network, example((1, 6)))
    assert [node.name for node in graph.graph.node if node.op_type == "Gemm"] == ["first", "first:2", "first:3"]
    assert sum(values.ndim == 2 for values in arrays(graph).values()) == 1
    np.testing.assert_allclose(run(graph, example((3, 6))), torch_run(network, example((3, 6))), rtol=1e-5)


def test_a_structure_is_traced_once_and_filled_with_the_right_weights(traces):
    first, second = convolutional(), convolutional()
    with torch.no_grad():
        for tensor in second.parameters():
            tensor.mul_(1.5)
    for network in (first, second, first):
        np.testing.assert_allclose(
            run(export(network, example()), example()), torch_run(network, example()), rtol=1e-5, atol=1e-5
        )
    assert len(traces) == 1


def test_weights_that_were_equal_when_traced_may_differ_later(traces):
    """The exporter merges equal tensors: two biases of zeros must not become one for good."""
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)).eval()
    with torch.no_grad():
        network[0].bias.zero_()
        network[2].bias.zero_()
    export(network, example((1, 4)))
    changed = copy.deepcopy(network)
    with torch.no_grad():
        changed[2].bias.fill_(2.0)
    graph = export(changed, example((1, 4)))
    np.testing.assert_allclose(run(graph, example((1, 4))), torch_run(changed, example((1, 4))), rtol=1e-5)
    assert len(traces) == 1


def _strided(stride: int) -> nn.Module:
    return seeded(nn.Sequential(nn.Conv2d(3, 4, 3, stride, padding=1)))


def _unlike(change: str) -> nn.Module:
    network = convolutional()
    if change == "fewer channels":
        network[0], network[1], network[3] = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3)
    elif change == "another activation":
        network[2] = nn.Hardswish()
    elif change == "another epsilon":
        network[4].eps = 0.5
    elif change == "another stride":
        network[5].output_padding = (1, 1)
        network[8] = nn.Linear(6 * 9 * 9, 5)
    return seeded(network)


@pytest.mark.parametrize("change", ["fewer channels", "another activation", "another epsilon", "another stride"])
def test_another_structure_is_traced_anew(traces, change):
    export(convolutional(), example())
    network = _unlike(change)
    np.testing.assert_allclose(
        run(export(network, example()), example()), torch_run(network, example()), rtol=1e-5, atol=1e-5
    )
    assert len(traces) == 2


def test_a_graph_may_be_changed_by_whoever_asked_for_it():
    network = convolutional()
    before = export(network, example())
    expected = before.SerializeToString()
    before.graph.initializer[0].raw_data = b""
    del before.graph.node[:]
    assert export(network, example()).SerializeToString() == expected


def test_the_network_and_its_mode_stay_untouched():
    network = convolutional().train()
    before = copy.deepcopy(network.state_dict())
    export(network, example())
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())


class _ReadsItsWeight(nn.Module):
    """Python code that looks at a value: one weight's trace is wrong for another's."""

    def __init__(self, gain: float):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, x: Tensor) -> Tensor:
        return x * float(self.gain)


def test_a_network_that_reads_its_weights_in_python_is_traced_every_time(traces):
    for gain in (2.0, 3.0):
        graph = export(_ReadsItsWeight(gain).eval(), example((1, 4)))
        np.testing.assert_allclose(run(graph, example((1, 4))), example((1, 4)) * gain, rtol=1e-6)


class _Holds(nn.Module):
    """A network with a tensor outside its state, which nobody can compare."""

    def __init__(self, tensor: Tensor):
        super().__init__()
        self.tensors = [tensor]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.tensors[0]


def test_a_network_with_tensors_outside_its_state_is_traced_every_time(traces):
    for value in (1.0, 2.0):
        graph = export(_Holds(torch.full((4,), value)), example((1, 4)))
        np.testing.assert_allclose(run(graph, example((1, 4))), example((1, 4)) + value, rtol=1e-6)
    assert len(traces) == 2


def test_the_cache_forgets_the_oldest_structure(traces, monkeypatch):
    monkeypatch.setattr(export_module, "_KEPT", 1)
    for stride in (1, 2, 1):
        export(_strided(stride), example())
    assert len(traces) == 3
    assert len(export_module._templates) == 1


def test_two_jobs_may_export_at_once(traces):
    networks = [convolutional() for _ in range(4)]
    for factor, network in enumerate(networks, 1):
        with torch.no_grad():
            network[8].weight.mul_(factor)
    with ThreadPoolExecutor(2) as pool:
        graphs = list(pool.map(lambda network: export(network, example()), networks))
    for network, graph in zip(networks, graphs, strict=True):
        np.testing.assert_allclose(run(graph, example()), torch_run(network, example()), rtol=1e-5, atol=1e-5)
    assert len(traces) == 1
