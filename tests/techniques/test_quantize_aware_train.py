"""Training with codes in place: how steps learn, that the file computes what was trained, and that zeros stay zero."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnx.helper import make_tensor_value_info
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from torch import Tensor, nn

from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.core.errors import Cancelled, ModelError, NothingToDo, SettingError
from edgekit.core.technique import Applied, Fact
from edgekit.models.architectures.resnet import ResNet
from edgekit.techniques import quantize_aware_train
from edgekit.techniques._fake_quant import LearnedStep
from edgekit.techniques._learned_codes import encoder, step_for_activation, step_for_weight
from edgekit.techniques._ranges import Seen
from edgekit.techniques._train import train
from edgekit.techniques.fine_tune import FineTune
from edgekit.techniques.prune_weights import PruneWeights
from edgekit.techniques.quantize_aware_train import QuantizeAwareTrain
from edgekit.techniques.quantize_weights import QuantizeWeights
from tests.techniques.benches import HOST, a_bench
from tests.techniques.graphs import kernels, run, values

IMAGES = a_bench((1, 12, 12), samples=256).calibration(256)


def network(seed: int = 0) -> ResNet:
    """A residual network of three blocks whose normalisation has seen something, some of its gains being negative."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = ResNet(1, channels=1)
        made.train()(torch.from_numpy(IMAGES))
        for layer in made.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1, 0.5)
                nn.init.normal_(layer.bias, 0, 0.2)
                layer.weight[0].data.neg_()
    return made.eval()


def bench(**changes):
    found = a_bench((1, 12, 12), samples=256)
    return replace(found, **{"score": lambda graph: float(run(graph, IMAGES[:32]).argmax(1).mean()) / 10} | changes)


def small(**settings) -> QuantizeAwareTrain:
    return QuantizeAwareTrain(**{"epochs": 1, "batch_size": 32, "learning_rate": 1e-3} | settings)


def answers(module: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return module.eval()(torch.from_numpy(IMAGES)).numpy()


# Rounding that can be trained


def one_step(step: float = 0.5, first: int = -2, last: int = 1) -> LearnedStep:
    return LearnedStep(torch.tensor([step]), torch.tensor([first]), torch.tensor([last]))


def test_values_go_to_the_nearest_code_and_those_beyond_to_the_last():
    got = one_step()(torch.tensor([[0.2, 0.3, -0.6, 0.9, -5.0]]))
    assert got.tolist() == [[0.0, 0.5, -0.5, 0.5, -1.0]]
    assert one_step().codes(torch.tensor([0.2, 0.3, -0.6, 0.9, -5.0])).tolist() == [0, 1, -1, 1, -2]


def test_gradients_worked_by_hand():
    """Esser et al., equations 3 and 5: round(x / s) − x / s within the range, its end beyond, times 1 / √(n · last)."""
    rounding, values = one_step(), torch.tensor([[0.2, 0.4, 0.9, -5.0]], requires_grad=True)
    rounding(values).backward(torch.tensor([[1.0, 2.0, 3.0, 5.0]]))
    assert values.grad.tolist() == [[1.0, 2.0, 0.0, 0.0]]
    by_hand = 1 * (0 - 0.4) + 2 * (1 - 0.8) + 3 * 1 + 5 * -2
    assert rounding.step.grad.item() == pytest.approx(by_hand / np.sqrt(4 * 1), rel=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_one_step_for_all_and_one_for_each_channel_agree(layout: torch.memory_format):
    generator = torch.Generator().manual_seed(0)
    values, gradient = (torch.randn(4, 3, 5, 6, generator=generator).to(memory_format=layout) for _ in range(2))
    ends = torch.full((3,), -4), torch.full((3,), 3)
    whole, parts = one_step(0.3, -4, 3), LearnedStep(torch.full((3,), 0.3), *ends, channels=1)
    found = []
    for rounding, together in ((whole, 90), (parts, 120)):  # values of a sample, and of a channel, share a step
        leaf = values.clone(memory_format=torch.preserve_format).requires_grad_()
        out = rounding(leaf)
        out.backward(gradient)
        found.append((out.detach(), leaf.grad, rounding.step.grad.sum() * np.sqrt(3 * together)))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])
    torch.testing.assert_close(found[0][2], found[1][2], rtol=1e-4, atol=1e-4)


def test_steps_stay_in_their_limits():
    rounding = LearnedStep(torch.tensor([0.5]), torch.tensor([0]), torch.tensor([15]), most=6.0)
    for wild, held in ((-3.0, 0.005), (0.3, 0.3), (9.0, 0.4)):
        with torch.no_grad():
            rounding.step.fill_(wild)
        rounding.hold()
        assert rounding.step.item() == pytest.approx(held)


def test_a_step_that_is_too_wide_shrinks_and_one_that_is_too_narrow_grows():
    values = torch.randn(1, 4096, generator=torch.Generator().manual_seed(0))
    ends = []
    for start in (3.0, 0.2):
        rounding = one_step(start)
        optimizer = torch.optim.SGD(rounding.parameters(), 1.0)
        for _ in range(400):
            optimizer.zero_grad()
            (rounding(values) - values).square().mean().backward()
            optimizer.step()
        ends.append(rounding.step.item())
    assert 1.0 < ends[1] < ends[0] < 1.4, "the least error is at 1.0; straight-through gradients aim higher"


# First steps, and codes at the end


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_codes_of_a_folded_weight_are_the_networks_own_even_where_a_gain_is_negative(bits: int):
    layer, gains = nn.Conv2d(3, 4, 3), np.array([2.0, -0.5, 0.1, -3.0], np.float32)
    folded = layer.weight.detach().numpy() * gains[:, None, None, None]
    step = step_for_weight(layer, folded, 0, bits)
    encoding = encoder(layer, step, bits)(folded, 0)
    with torch.no_grad():
        wanted = step(layer.weight).numpy() * gains[:, None, None, None]
    np.testing.assert_allclose(encoding.decode(), wanted, rtol=1e-5, atol=1e-7)
    assert (encoding.scale > 0).all()
    assert (encoding.codes.min(), encoding.codes.max()) >= (-(2 ** (bits - 1)), 0)
    assert encoding.codes.max() <= 2 ** (bits - 1) - 1


def test_a_channel_that_normalisation_silenced_gets_codes_of_zero():
    layer = nn.Linear(5, 2)
    folded = layer.weight.detach().numpy() * np.array([[1.0], [0.0]], np.float32)
    encoding = encoder(layer, step_for_weight(layer, folded, 0, 3), 3)(folded, 0, np.array([1e-9, 1e-9]))
    assert not encoding.codes[1].any()
    assert encoding.codes[0].any()
    assert (encoding.scale > 0).all()


def test_a_transposed_weight_gets_transposed_codes():
    layer = nn.Linear(5, 2)
    step, weight = step_for_weight(layer, layer.weight.detach().numpy().T, 1, 4), layer.weight.detach().numpy()
    there, turned = encoder(layer, step, 4)(weight, 0), encoder(layer, step, 4)(weight.T, 1)
    np.testing.assert_array_equal(there.codes, turned.codes.T)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_first_step_of_an_activation_is_about_the_best_that_there_is(bits: int):
    sample = np.maximum(np.random.default_rng(0).normal(0, 1, 20_000), 0).astype(np.float32)
    seen = Seen(0.0, float(sample.max()), sample)
    rounding = step_for_activation(seen, bits)
    assert (rounding.first.item(), rounding.last.item()) == (0, 2**bits - 1)
    tried = np.linspace(0.01, 1, 400) * sample.max() / (2**bits - 1)
    errors = [np.square(np.clip(np.rint(sample / s), 0, 2**bits - 1) * s - sample).mean() for s in tried]
    with torch.no_grad():
        got = np.square(rounding(torch.from_numpy(sample[None])).numpy() - sample).mean()
    assert got <= 1.05 * min(errors)


def test_an_activation_on_both_sides_of_zero_keeps_zero_as_a_code():
    sample = np.random.default_rng(0).uniform(-1, 3, 10_000).astype(np.float32)
    rounding = step_for_activation(Seen(-1.0, 3.0, sample), 4)
    assert (rounding.first.item(), rounding.last.item()) == (-4, 11)
    assert step_for_activation(Seen(0.0, 0.0, np.zeros(5, np.float32)), 8).step.item() > 0


# The file and what was trained


def written_and_trained(step: QuantizeAwareTrain, start: nn.Module) -> tuple[Applied, nn.Module]:
    """What `apply` gives, and the network with codes in it that it trained."""
    twins: list[nn.Module] = []

    def loss(twin: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        twins[:] = [twin]
        logits = twin(inputs).float()
        return nn.functional.cross_entropy(logits, labels), logits

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize_aware_train, "train", partial(train, loss=loss))
        done = step.apply(start, bench())
    return done, twins[0]


@pytest.mark.parametrize("activation_bits", ["float", 4, 8])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_the_file_computes_what_was_trained(bits: int, activation_bits: int | str):
    done, twin = written_and_trained(small(bits=bits, activation_bits=activation_bits), network())
    wanted, got = answers(twin), run(pack(done.result, done.encodings), IMAGES)
    assert (got.argmax(1) != wanted.argmax(1)).mean() <= 0.005
    assert np.abs(got - wanted).mean() <= 2e-3 * np.abs(wanted).mean()


def test_batch_normalisation_and_weights_both_learned():
    start = network()
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    small(bits=2, learning_rate=0.01).apply(start, bench())
    after = start.state_dict()
    for name in ("stem.weight", "bn.weight", "bn.bias", "bn.running_mean", "stage3.0.conv2.weight", "fc.bias"):
        assert not torch.equal(before[name], after[name]), name


@pytest.mark.parametrize("activation_bits", [4, 8])
@pytest.mark.parametrize("bits", range(2, 9))
def test_every_width_runs_on_integers(bits: int, activation_bits: int, tmp_path):
    done = small(bits=bits, activation_bits=activation_bits).apply(network(), bench())
    found = kernels(pack(done.result, done.encodings), tmp_path)
    assert (found["QLinearConv"], found["QLinearAdd"], found["QGemm"]) == (9, 3, 1)
    assert (found["Conv"], found["Add"], found["Gemm"], found["Relu"]) == (0, 0, 0, 0)
    widths = {name.removesuffix(".weight"): encoding.bits for name, encoding in done.encodings.items()}
    assert (widths.pop("stem"), widths.pop("fc")) == (8, 8)
    assert set(widths.values()) == {bits}


def test_few_bits_of_an_activation_are_few_codes_in_the_file():
    done = small(activation_bits=4).apply(network(), bench())
    clips = [node for node in done.result.graph.node if node.op_type == "Clip"]
    stored = values(done.result)
    assert {int(stored[node.input[2]]) for node in clips} == {15}
    names = [node.output[0] for node in clips]
    watched = copy.deepcopy(done.result)
    del watched.graph.output[:]
    watched.graph.output.extend(make_tensor_value_info(name, TensorProto.UINT8, None) for name in names)
    for found in InferenceSession(watched.SerializeToString()).run(names, {"input": IMAGES}):
        assert found.max() <= 15
        assert len(np.unique(found)) > 2
    assert "puts out 16 levels from 0 to" in done.changes[0].what


def test_what_meets_no_weights_and_the_edges_keep_8_bits():
    done = small(activation_bits=4).apply(network(), bench())
    limited = {node.output[0] for node in done.result.graph.node if node.op_type == "Clip"}
    codes = {node.output[0] for node in done.result.graph.node if node.op_type in ("QuantizeLinear", "Clip")}
    assert any("conv2" in name for name in codes - limited), "a summand"
    assert "input_codes" in codes - limited
    assert any("GlobalAveragePool" in name for name in codes - limited), "what the last layer reads"
    assert len(limited) == 6, "what the stem, three inner convolutions and two sums put out"


@pytest.mark.parametrize("activation_bits", ["float", 8])
def test_pruned_weights_stay_zero(activation_bits: int | str):
    pruned = PruneWeights(sparsity=0.6).apply(network(), bench()).result
    zero = (pruned.stage2[0].conv1.weight == 0).numpy()
    done = small(bits=3, activation_bits=activation_bits).apply(pruned, bench())
    codes = done.encodings["stage2.0.conv1.weight"].codes
    assert 0.3 < zero.mean() < 0.9
    assert not codes[zero].any()
    assert codes[~zero].any()


@pytest.mark.parametrize("activation_bits", ["float", 8])
def test_skipped_layers_stay_float_and_train(activation_bits: int | str):
    done = small(bits=2, activation_bits=activation_bits, skip=["stage2.*"]).apply(network(), bench())
    assert not any(name.startswith("stage2") for name in done.encodings)
    assert values(done.result)["stage2.0.conv1.weight"].dtype == np.float32
    assert not any(change.layer.startswith("stage2") for change in done.changes)


def test_around_a_float_layer_the_file_computes_what_was_trained():
    done, twin = written_and_trained(small(bits=2, activation_bits=4, skip=["stage2.0.conv1"]), network())
    plain = SessionOptions()  # optimizing, ONNX Runtime rounds the weights of a float layer between integers as well
    plain.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL
    got = InferenceSession(done.result.SerializeToString(), plain).run(None, {"input": IMAGES})[0]
    assert np.abs(got - answers(twin)).mean() <= 2e-3 * np.abs(answers(twin)).mean()


def test_a_layer_may_have_bits_of_its_own():
    done = small(bits=2, layers={"stage1.*": {"bits": 5}, "fc": {"bits": 3}}).apply(network(), bench())
    widths = {name.removesuffix(".weight"): encoding.bits for name, encoding in done.encodings.items()}
    assert (widths["stage1.0.conv1"], widths["fc"], widths["stem"], widths["stage3.0.conv1"]) == (5, 3, 8, 2)


def test_a_network_that_clips_at_six_never_learns_codes_above_it():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        start = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU6(), nn.Conv2d(8, 8, 3), nn.ReLU6(), nn.Flatten())
        start.append(nn.Linear(512, 10)).eval()
        start[0].weight.data.mul_(10)
    done, twin = written_and_trained(small(activation_bits=8, learning_rate=0.01), start)
    np.testing.assert_allclose(run(done.result, IMAGES), answers(twin), atol=2e-2)
    told = {change.layer: change.what for change in done.changes}
    assert float(told["0"].rpartition(" ")[2]) <= 6


def test_training_with_codes_beats_rounding_what_was_trained_without():
    data = a_bench((16,), samples=512, classes=4)
    inputs = data.calibration(512)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        start = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)).eval()
    trained = FineTune(epochs=15, learning_rate=0.2).apply(start, data).result
    here = replace(data, teacher=copy.deepcopy(trained))

    def right(graph) -> float:
        return float((run(graph, inputs).argmax(1) == inputs[:, :4].argmax(1)).mean())

    rounded = QuantizeWeights(bits=2, edge_bits=2, rounding="nearest").apply(export(trained, inputs[:1]), data).result
    learned = QuantizeAwareTrain(bits=2, edge_bits=2, epochs=15).apply(trained, replace(here, score=right))
    assert right(learned.result) > right(rounded) + 0.05
    assert learned.curve[-1]["validation_accuracy"] == right(learned.result), "the curve scores the file itself"


def test_x86_without_vnni_gets_seven_bits_where_sums_could_overflow():
    avx2 = bench(host=HOST.model_copy(update={"features": ("avx2",)}))
    done = small(bits=8).apply(network(), avx2)
    assert {encoding.bits for encoding in done.encodings.values()} == {7}
    assert {e.bits for e in small(bits=8, activation_bits="float").apply(network(), avx2).encodings.values()} == {8}


# What it says


def test_what_it_needs_and_removes_depends_on_the_activations():
    assert QuantizeAwareTrain(activation_bits="float").needs == {Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA}
    assert QuantizeAwareTrain(activation_bits="float").removes == {Fact.NETWORK, Fact.FLOAT_WEIGHTS}
    assert QuantizeAwareTrain().removes == {Fact.NETWORK, Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}
    assert Fact.CALIBRATION_DATA in QuantizeAwareTrain().needs


class Wayward(nn.Module):
    """Looks at what it is given before it decides."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 100 else self.fc(-x)


def test_a_network_that_cannot_be_followed_is_refused_and_may_keep_float_activations():
    flat = replace(a_bench((16,), classes=4), score=lambda graph: 0.5)
    with pytest.raises(ModelError) as refused:
        small().apply(Wayward(), flat)
    assert str(refused.value) == (
        "a network must make the same calls for every input, to be trained with codes between them; this one could "
        "not be followed (TraceError: symbolically traced variables cannot be used as inputs to control flow). "
        "Set activation_bits to float."
    )
    assert small(activation_bits="float").apply(Wayward(), flat).encodings["fc.weight"].bits == 8


def test_nothing_to_do_is_said():
    with pytest.raises(NothingToDo) as said:
        small(skip=["*"]).apply(network(), bench())
    assert str(said.value) == (
        "Quantization-aware training found no convolution or linear layer whose weights could get codes. "
        "Skip fewer layers, or remove the step."
    )


def test_only_bits_may_differ_between_layers():
    with pytest.raises(SettingError) as refused:
        QuantizeAwareTrain.make({"layers": {"fc": {"epochs": 3}}})
    assert str(refused.value) == (
        "Quantization-aware training: layers['fc'] cannot hold epochs, which the whole network shares; "
        "a layer may have its own bits"
    )


def test_cancel_stops_it_in_training():
    def cancel(fraction: float, what: str) -> None:
        if what.startswith("epoch"):
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        small(epochs=50).apply(network(), bench(progress=cancel))
