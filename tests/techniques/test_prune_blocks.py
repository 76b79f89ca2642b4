"""Block pruning: which blocks go, that one stays, and that the rest is left exactly as it was."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Applied, Change, Fact
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from edgekit.models.architectures.vit import VisionTransformer
from edgekit.techniques.prune_blocks import Nothing, PruneBlocks
from tests.techniques.benches import a_bench

IMAGE = (3, 32, 32)


class Turn(nn.Module):
    """x + size · (x turned by a right angle): the input is turned by the angle whose tangent is `size`."""

    def __init__(self, size: float):
        super().__init__()
        self.turn = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.turn.weight.copy_(torch.tensor([[0.0, -size], [size, 0.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.turn(x)


class Unread(nn.Module):
    """Turns its input, but only into a direction that the layer after it does not read."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc(x)


class Pair(nn.Module):
    """A block that also wants to know by how much."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x: Tensor, much: float) -> Tensor:
        return x + much * self.fc(x)


def apply(network: nn.Module, shape: tuple[int, ...] = (2,), **settings) -> Applied:
    return PruneBlocks(**settings).apply(copy.deepcopy(network), a_bench(shape, classes=2))


def gone(applied: Applied) -> list[str]:
    return [change.layer for change in applied.changes]


def turns(*sizes: float) -> nn.Sequential:
    return nn.Sequential(*(Turn(size) for size in sizes))


def vit(depth: int) -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(dim=32, depth=depth, num_heads=4, hidden=64)


def test_usefulness_is_one_minus_the_cosine_between_input_and_output():
    applied = apply(turns(1.0, 0.5, 2.0, 3.0))
    assert applied.changes == [Change("1", f"removed: it turned its input by 1 − cos = {1 - 1 / math.sqrt(1.25):.3f}")]
    assert [type(block) for block in applied.result] == [Turn, Nothing, Turn, Turn]


@pytest.mark.parametrize(("sparsity", "names"), [(0.01, ["1"]), (0.4, ["1", "0"]), (0.7, ["1", "0", "2"])])
def test_the_share_is_rounded_to_blocks_and_at_least_one_goes(sparsity: float, names: list[str]):
    assert gone(apply(turns(1.0, 0.5, 2.0, 3.0), sparsity=sparsity)) == names


def test_the_output_criterion_sees_what_the_rest_of_the_network_reads():
    reader = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        reader.weight.copy_(torch.tensor([[1.0, 0.0]]))
    network = nn.Sequential(Turn(0.5), Unread(), reader)
    assert gone(apply(network, criterion="similarity")) == ["0"]
    applied = apply(network, criterion="output")
    assert applied.changes == [Change("1", "removed: the outputs moved by 0.0% of their variance")]


def test_the_output_criterion_judges_the_second_block_without_the_first():
    network = turns(1.0, -1.0, 0.5, -4.0)  # the first two undo each other, so together they can go
    applied = apply(network, criterion="output", sparsity=0.5)
    assert gone(applied)[0] == "2"
    inputs = torch.randn(8, 2)
    assert torch.equal(
        applied.result(inputs), nn.Sequential(*(b for b in applied.result if isinstance(b, Turn)))(inputs)
    )


def test_of_a_residual_network_only_blocks_go_that_keep_the_shape():
    applied = apply(resnet20().eval(), IMAGE, sparsity=0.9)
    assert set(gone(applied)) < {f"stage{s}.{b}" for s in (1, 2, 3) for b in range(3)} - {"stage2.0", "stage3.0"}
    assert len(gone(applied)) == 6
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


@pytest.mark.parametrize("recalibrate", [True, False])
def test_the_rest_keeps_its_names_and_weights_and_normalisation_is_measured_again_if_asked(recalibrate: bool):
    network = resnet20().eval()
    applied = apply(network, IMAGE, recalibrate=recalibrate)
    before, after = network.state_dict(), applied.result.state_dict()
    assert set(before) - set(after) == {n for n in before if n.rsplit(".", 2)[0] in gone(applied)}
    changed = {name.rpartition(".")[2] for name in after if not torch.equal(before[name], after[name])}
    assert changed == ({"running_mean", "running_var", "num_batches_tracked"} if recalibrate else set())
    assert not any(module._forward_hooks for module in applied.result.modules())


def test_an_untrained_block_that_adds_nothing_is_what_goes_first():
    network = vit(4).eval()
    with torch.no_grad():
        for layer in (network.blocks[2].attention.out, network.blocks[2].mlp.fc2):
            layer.weight.zero_()
            layer.bias.zero_()
    for criterion in ("similarity", "output"):
        applied = apply(network, IMAGE, criterion=criterion)
        assert gone(applied) == ["blocks.2"]
        inputs = torch.randn(4, *IMAGE)
        assert torch.allclose(applied.result(inputs), network(inputs), atol=1e-6)


def test_one_block_always_stays():
    assert len(gone(apply(vit(2), IMAGE, sparsity=0.9))) == 1
    with pytest.raises(NothingToDo) as said:
        apply(turns(1.0))
    assert str(said.value) == (
        "Block pruning removes no block at sparsity 0.25: 1 may go, but one block of the network always stays. "
        "Raise sparsity, skip fewer layers, or remove the step."
    )


def test_a_network_without_blocks_leaves_nothing_to_do():
    with pytest.raises(NothingToDo, match="0 may go"):
        apply(LeNet5(), (1, 28, 28))


def test_blocks_that_take_more_than_one_tensor_are_left_alone():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([Pair(), Turn(1.0), Pair()])

        def forward(self, x: Tensor) -> Tensor:
            return self.blocks[2](self.blocks[1](self.blocks[0](x, 0.1)), 0.1)

    assert gone(apply(Network(), sparsity=0.9)) == ["blocks.1"]


def test_skipped_blocks_stay():
    assert gone(apply(turns(1.0, 0.5, 2.0), skip=["1"])) == ["0"]


def test_a_pattern_that_fits_no_block_is_refused_with_the_nearest():
    with pytest.raises(SettingError) as refused:
        apply(resnet8(), IMAGE, skip=["stage1.1"])
    assert str(refused.value) == "Block pruning: no block 'stage1.1'. Did you mean 'stage1.0'?"


def test_it_needs_blocks_and_samples_to_judge_them_on():
    assert PruneBlocks().needs == {Fact.FLOAT_WEIGHTS, Fact.BLOCKS, Fact.CALIBRATION_DATA}
