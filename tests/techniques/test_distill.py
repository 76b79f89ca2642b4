"""Distillation: the loss by hand, whom it may learn from, and where a student looks."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError
from edgekit.core.preprocessing import Pixels
from edgekit.models import samples
from edgekit.models.architectures import fresh
from edgekit.techniques._attention_maps import distance, map_makers, watched
from edgekit.techniques.distill import Distill, _teacher
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.prune_weights import PruneWeights
from tests.techniques.benches import a_bench, linear

IMAGE = (1, 12, 12)


def images_bench(**changes) -> Bench:
    return replace(a_bench(IMAGE, samples=64), **changes)


def network(seed: int = 0, width: float = 1.0) -> nn.Module:
    return fresh("resnet8", 10, IMAGE, width, seed).eval()


def one_sample(teacher: nn.Module, label: int = 0) -> Bench:
    """A single training sample, (1, 0), in a batch of its own."""
    batch = (torch.tensor([[1.0, 0.0]]), torch.tensor([label]))
    return replace(a_bench((2,), classes=2), training=lambda size, epoch: [batch], training_size=1, teacher=teacher)


def test_loss_and_step_are_those_worked_out_by_hand():
    # The teacher answers (2, 0), the student (1, 1). At T = 2: p = softmax(1, 0) = (0.73106, 0.26894), q = (0.5, 0.5).
    bench = one_sample(linear([[2.0, 0.0], [0.0, 0.0]]))
    step = Distill(temperature=2.0, soft_labels=0.9, epochs=1, learning_rate=0.5, weight_decay=0.0)
    applied = step.apply(linear([[1.0, 1.0], [1.0, 1.0]]), bench)
    p = math.e / (math.e + 1)
    apart = p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))  # KL(p ‖ q) = 0.11094
    assert applied.curve[0]["loss"] == pytest.approx(0.9 * 4 * apart + 0.1 * math.log(2), rel=1e-5)
    # d/dz of T² KL is T (q − p), of cross-entropy q − (1, 0); Nesterov's first step is 1.9 rates, of which a hundredth.
    gradient = 0.9 * 2 * (0.5 - p) + 0.1 * (0.5 - 1)
    weight = applied.result[0].weight.detach()
    assert float(weight[0, 0]) - 1 == pytest.approx(-0.01 * 0.5 * 1.9 * gradient, rel=0.01)  # products in bfloat16
    assert float(weight[1, 0]) - 1 == pytest.approx(0.01 * 0.5 * 1.9 * gradient, rel=0.01)
    assert weight[:, 1].tolist() == [1.0, 1.0]


def test_a_higher_temperature_asks_for_softer_answers():
    bench = one_sample(linear([[2.0, 0.0], [0.0, 0.0]]))
    student = linear([[2.0, 1.0], [1.0, 1.0]])  # answers (2, 1): sure of the first class, though less than the teacher
    losses = [
        Distill(temperature=t, soft_labels=1.0, epochs=1).apply(copy.deepcopy(student), bench).curve[0]["loss"]
        for t in (1.0, 20.0)
    ]
    p, q = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1))
    assert losses[0] == pytest.approx(p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)), rel=1e-4)
    assert losses[1] == pytest.approx((2 - 1) ** 2 / 8, rel=0.02)  # for T → ∞: the variance of the differences, halved


@pytest.mark.parametrize(("share", "same"), [(1.0, True), (0.9, False)])
def test_labels_are_not_looked_at_when_only_the_teacher_counts(share, same):
    bench = images_bench(teacher=network(seed=1))
    blind = replace(bench, training=lambda size, epoch: [(x, y.roll(1)) for x, y in bench.training(size, epoch)])
    results = [Distill(soft_labels=share, epochs=1).apply(network(), one).result for one in (bench, blind)]
    assert torch.equal(results[0].fc.weight, results[1].fc.weight) is same


def test_there_need_not_be_labels():
    bench = images_bench(teacher=network(seed=1))
    blind = replace(bench, training=lambda size, epoch: [(x, y * 0 - 1) for x, y in bench.training(size, epoch)])
    Distill(soft_labels=1.0, epochs=1).apply(network(), blind)


def test_the_student_comes_nearer_to_its_teacher_and_keeps_its_zeros():
    bench = images_bench(teacher=network(seed=1))
    student = PruneWeights(sparsity=0.5).apply(network(), bench).result
    inputs = torch.from_numpy(bench.calibration(64))
    wanted = bench.teacher(inputs).detach()
    before = float((student(inputs).detach() - wanted).norm())
    applied = Distill(soft_labels=1.0, temperature=1.0, epochs=20, learning_rate=0.05).apply(student, bench)
    assert float((applied.result(inputs).detach() - wanted).norm()) < 0.7 * before
    assert "zeros held" in applied.changes[0].what
    assert not applied.result.training


def test_the_teacher_is_left_alone():
    teacher = network(seed=1)
    before = copy.deepcopy(teacher.state_dict())
    Distill(epochs=1, attention=5.0).apply(network(), images_bench(teacher=teacher))
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())
    assert not teacher.training
    assert not any(module._forward_hooks for module in teacher.modules())


# Who teaches


def test_without_an_original_network_a_sample_model_has_to_be_named():
    with pytest.raises(ModelError) as refused:
        Distill(epochs=1).apply(network(), images_bench())
    assert str(refused.value) == (
        "distillation needs a teacher, and this model has no original network. Name a sample model."
    )


@pytest.mark.parametrize("name", ["resnet21-cifar10", "lenet5-fashion"])
def test_a_teacher_that_does_not_exist_or_knows_other_data_is_refused_with_those_that_fit(name):
    bench = images_bench(teacher=network(), data="cifar10", preprocessing=samples.card("resnet8-cifar10").preprocessing)
    with pytest.raises(ModelError) as refused:
        Distill(teacher=name).apply(network(), bench)
    scaled = samples.card("resnet8-cifar10").preprocessing
    fitting = [
        known for known, card in samples.cards().items() if (card.data, card.preprocessing) == ("cifar10", scaled)
    ]
    assert "resnet20-cifar10" in fitting
    assert str(refused.value) == (
        f"a teacher must be the original network or a sample model for the same data, not '{name}'. "
        f"There are: original, {', '.join(fitting)}."
    )


def test_no_sample_model_can_teach_a_network_that_takes_images_of_another_size():
    larger = samples.card("resnet8-cifar10").preprocessing.model_copy(update={"size": (64, 64)})
    with pytest.raises(ModelError, match="There are: original.$"):
        _teacher("resnet8-cifar10", images_bench(teacher=network(), data="cifar10", preprocessing=larger))


def test_another_sample_model_can_teach():
    model = samples.load("lenet5-fashion")
    bench = replace(a_bench((1, 28, 28)), data=model.data, preprocessing=model.preprocessing)
    student = fresh("ds_cnn", 10, (1, 28, 28), 0.25, seed=0)
    applied = Distill(teacher="lenet5-fashion", soft_labels=1.0, epochs=1).apply(student, bench)
    assert applied.curve[0]["loss"] > 0
    assert _teacher("lenet5-fashion", bench) is not model.network


def test_a_teacher_with_other_preprocessing_sees_the_pixels_as_it_is_used_to():
    model = samples.load("lenet5-fashion")
    pixels = torch.randint(0, 256, (4, 28, 28, 1), generator=torch.Generator().manual_seed(0)).numpy()
    ours = Pixels(mean=(0.5,), std=(0.25,))
    teacher = _teacher("lenet5-fashion", replace(a_bench((1, 28, 28)), data=model.data, preprocessing=ours))
    with torch.no_grad():
        wanted = model.network(torch.from_numpy(model.preprocessing(pixels)))
        torch.testing.assert_close(teacher(torch.from_numpy(ours(pixels))), wanted, rtol=1e-4, atol=1e-4)


# Where the student looks


def test_maps_are_compared_by_where_their_energy_is():
    student = torch.tensor([[[[3.0, 0.0]], [[0.0, 4.0]]]])  # sums of squares (9, 16): mean 4.5 and 8, length 1 after
    teacher = torch.tensor([[[[5.0, 0.0]]]])
    length = math.sqrt(9**2 + 16**2)
    expected = (9 / length - 1) ** 2 + (16 / length) ** 2
    assert float(distance({"a": student}, {"b": teacher}, [("a", "b")])) == pytest.approx(expected, rel=1e-5)
    assert float(distance({"a": 2 * student}, {"b": student}, [("a", "b")])) == pytest.approx(0, abs=1e-6)


def test_the_last_map_of_each_size_is_the_one_that_counts():
    found = map_makers(network(), images_bench().example)
    assert found == {(12, 12): "stage1", (6, 6): "stage2", (3, 3): "stage3"}


def test_attention_brings_the_maps_of_a_narrower_student_nearer():
    bench = images_bench(teacher=network(seed=1))
    student = PruneChannels(sparsity=0.5, round_to=2).apply(network(), bench).result
    pairs = [(name, name) for name in ("stage1", "stage2", "stage3")]
    apart = {}
    for weight in (0.0, 100.0):
        trained = Distill(attention=weight, epochs=3, learning_rate=0.05).apply(copy.deepcopy(student), bench).result
        names, inputs = [name for name, _ in pairs], torch.from_numpy(bench.calibration(64))
        with torch.no_grad(), watched(trained, names) as mine, watched(bench.teacher, names) as wanted:
            trained(inputs)
            bench.teacher(inputs)
        apart[weight] = float(distance(mine, wanted, pairs))
        assert not any(module._forward_hooks for module in trained.modules())
    assert apart[100.0] < 0.8 * apart[0.0]


def test_attention_without_maps_in_common_is_refused():
    teacher = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(400, 10))
    with pytest.raises(ModelError) as refused:
        Distill(attention=1.0).apply(network(), images_bench(teacher=teacher))
    assert str(refused.value) == (
        "attention compares feature maps of the same height and width; the student's are 12 × 12, 6 × 6, 3 × 3, the "
        "teacher's 10 × 10. Set attention to 0, or take another teacher."
    )
