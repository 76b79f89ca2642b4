"""Head and feed-forward pruning: which heads and hidden units go, how many, and what is left computes the same."""

import copy

import pytest
import torch
from torch import Tensor, nn

from edgekit.core.errors import NothingToDo
from edgekit.core.technique import Applied, Fact
from edgekit.models.architectures.vit import VisionTransformer
from edgekit.techniques._heads import Units, heads, hidden_units, importances, remove
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.prune_heads import PruneHeads
from tests.techniques.benches import a_bench

IMAGE = (3, 32, 32)
KINDS = ["magnitude", "contribution", "taylor"]


@pytest.fixture
def network() -> VisionTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VisionTransformer(patch=8, dim=32, depth=2, num_heads=4, hidden=64).eval()


def apply(network: nn.Module, **settings) -> Applied:
    return PruneHeads(**settings).apply(copy.deepcopy(network), a_bench(IMAGE))


def kept(applied: Applied) -> dict[str, str]:
    return {change.layer: change.what for change in applied.changes}


@torch.no_grad()
def silence(network: nn.Module, units: Units, numbers: list[int], factor: float = 0.0) -> None:
    """Nobody listens to these heads or hidden units any more, or less."""
    weight = network.get_submodule(units.reader).weight
    weight.unflatten(1, (units.count, units.size))[:, numbers] *= factor


@pytest.mark.parametrize("part", [heads, hidden_units])
def test_removing_units_is_the_same_as_zeroing_what_they_contribute(network: VisionTransformer, part):
    units, zeroed, inputs = part(network)[1], copy.deepcopy(network), torch.randn(4, *IMAGE)
    silence(zeroed, units, [0, 2])
    remove(network, units, torch.tensor([0, 2]))
    with torch.no_grad():
        assert torch.allclose(network(inputs), zeroed(inputs), atol=1e-6)


def test_a_head_takes_its_rows_and_columns_and_is_not_counted_any_more(network: VisionTransformer):
    before = copy.deepcopy(network.blocks[0].attention)
    silence(network, heads(network)[0], [1], 1e-3)
    attention = apply(network, importance="contribution").result.blocks[0].attention
    stays = [*range(8), *range(16, 32)]  # all but head 1, whose size is 8
    for layer in ("q", "k", "v"):
        assert torch.equal(getattr(attention, layer).weight, getattr(before, layer).weight[stays])
        assert torch.equal(getattr(attention, layer).bias, getattr(before, layer).bias[stays])
    assert torch.equal(attention.out.weight, before.out.weight[:, stays])
    assert (attention.num_heads, attention.head_dim) == (3, 8)
    assert (attention.q.out_features, attention.out.in_features, attention.out.out_features) == (24, 24, 32)


@pytest.mark.parametrize("importance", KINDS)
def test_units_that_nobody_listens_to_go_first(network: VisionTransformer, importance: str):
    loud, quiet = heads(network)[0], hidden_units(network)[0]
    silence(network, loud, [2], 1e-3)
    silence(network, quiet, list(range(16)), 1e-3)
    if importance == "magnitude":  # counts all weights of a unit, not only those that read it
        with torch.no_grad():
            network.blocks[0].attention.v.weight[16:24] *= 1e-3
            network.blocks[0].mlp.fc1.weight[:16] *= 1e-3
    block = apply(network, importance=importance).result.blocks[0]
    assert torch.equal(block.attention.v.bias, network.blocks[0].attention.v.bias[[*range(16), *range(24, 32)]])
    assert torch.equal(block.mlp.fc1.bias, network.blocks[0].mlp.fc1.bias[16:])


class Mean(nn.Module):
    """One attention layer with two heads of size 1, both of which pass on the mean over tokens of one input each."""

    def __init__(self, out: list[list[float]]):
        super().__init__()
        self.num_heads, self.head_dim = 2, 1
        self.q, self.k, self.v = (nn.Linear(2, 2, bias=False) for _ in range(3))
        self.out = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.q.weight.zero_()
            self.k.weight.zero_()
            self.v.weight.copy_(torch.eye(2))
            self.out.weight.copy_(torch.tensor(out))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.v(tokens).mean(1, keepdim=True)).mean(1)  # (n, 2): the weights of all tokens are alike


def test_contribution_is_the_mean_square_of_what_a_head_adds_to_the_output():
    network, bench = Mean([[3.0, 0.0], [4.0, 1.0]]), a_bench((1, 2), classes=2)
    first, second = importances(network, heads(network), "contribution", bench, 64)[0].tolist()
    x = torch.from_numpy(bench.calibration(64)).square().mean((0, 1))  # (2,): of one token each
    assert first / second == pytest.approx(float(25 * x[0] / x[1]), rel=1e-5)


def test_taylor_is_how_far_the_loss_moves_when_a_little_of_a_head_is_taken_away():
    network, bench = Mean([[3.0, 0.0], [4.0, 1.0]]), a_bench((1, 2), classes=2)
    found = importances(network, heads(network), "taylor", bench, 64)[0]
    inputs, labels = next(iter(bench.training(64, 0)))
    wanted = []
    for head in (0, 1):
        with torch.no_grad():
            weight = network.out.weight.clone()
            before = nn.functional.cross_entropy(network(inputs), labels, reduction="none")
            network.out.weight[:, head] *= 1 - 1e-3
            after = nn.functional.cross_entropy(network(inputs), labels, reduction="none")
            network.out.weight.copy_(weight)
        wanted.append(float((after - before).abs().mean()))
    assert found.tolist() == pytest.approx(nn.functional.normalize(torch.tensor(wanted), dim=0).tolist(), rel=1e-2)


def test_magnitude_is_the_norm_of_all_weights_of_a_head():
    network = Mean([[3.0, 0.0], [4.0, 1.0]])  # head 0: v 1, out 3 and 4; head 1: v 1, out 1
    found = importances(network, heads(network), "magnitude", a_bench((1, 2)), 64)[0]
    assert found.tolist() == pytest.approx([(26 / 28) ** 0.5, (2 / 28) ** 0.5])


def test_shares_are_counted_to_the_nearest_head_and_multiple_of_round_to(network: VisionTransformer):
    assert (
        kept(apply(network, sparsity=0.5, feed_forward=0.2, round_to=16))["blocks.1.attention.k"] == "2 of 4 heads kept"
    )
    assert kept(apply(network, feed_forward=0.2, round_to=16))["blocks.0.mlp.fc1"] == "48 of 64 hidden units kept"
    assert kept(apply(network, feed_forward=0.2, round_to=1))["blocks.0.mlp.fc1"] == "51 of 64 hidden units kept"


@pytest.mark.parametrize("scope", ["per layer", "global"])
def test_at_least_one_head_a_layer_stays(network: VisionTransformer, scope: str):
    applied = apply(network, sparsity=0.95, feed_forward=0.0, scope=scope)
    assert [block.attention.num_heads for block in applied.result.blocks] == [1, 1]
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


def test_globally_what_matters_least_in_all_layers_goes(network: VisionTransformer):
    silence(network, heads(network)[1], [0, 1, 3], 1e-3)
    applied = apply(network, sparsity=0.4, feed_forward=0.0, scope="global", importance="contribution")
    assert [block.attention.num_heads for block in applied.result.blocks] == [4, 1]


def test_a_skipped_layer_keeps_its_heads_and_a_layer_may_have_settings_of_its_own(network: VisionTransformer):
    layers = {"blocks.1.*": {"sparsity": 0.75, "importance": "magnitude"}}
    applied = apply(network, skip=["*.fc2", "blocks.0.attention.out"], layers=layers)
    assert kept(applied) == {f"blocks.1.attention.{layer}": "1 of 4 heads kept" for layer in ("q", "k", "v")}


def test_nothing_to_do_says_why(network: VisionTransformer):
    with pytest.raises(NothingToDo) as said:
        apply(network, sparsity=0.1, feed_forward=0.05)
    assert str(said.value) == (
        "Head and feed-forward pruning keeps every head at sparsity 0.1 and every hidden unit at feed_forward 0.05 in "
        "multiples of 8. Raise them, lower round_to, skip fewer layers, or remove the step."
    )


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({}, {Fact.CALIBRATION_DATA}),
        ({"importance": "taylor"}, {Fact.TRAINING_DATA}),
        ({"importance": "magnitude"}, set()),
        ({"importance": "magnitude", "layers": {"*.q": {"importance": "contribution"}}}, {Fact.CALIBRATION_DATA}),
    ],
)
def test_it_needs_what_its_importance_looks_at(settings: dict, extra: set[Fact]):
    assert PruneHeads(**settings).needs == {Fact.FLOAT_WEIGHTS, Fact.ATTENTION} | extra


class Bert(nn.Module):
    """Attention with the names that BERT of Hugging Face gives it."""

    def __init__(self):
        super().__init__()
        self.self, self.output = Mean([[1.0, 0.0], [0.0, 1.0]]), nn.Module()
        self.self.num_attention_heads, self.self.attention_head_size, self.self.all_head_size = 2, 1, 2
        for name, other in (("q", "query"), ("k", "key"), ("v", "value")):
            setattr(self.self, other, getattr(self.self, name))
            delattr(self.self, name)
        self.output.dense = self.self.out
        del self.self.out, self.self.num_heads, self.self.head_dim

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = self.self.value(tokens).mean(1).reshape(-1, self.self.all_head_size)
        return self.output.dense(mixed)


def test_attention_under_the_names_of_bert_loses_heads_too():
    applied = PruneHeads(sparsity=0.5, importance="magnitude").apply(Bert(), a_bench((1, 2), classes=2))
    assert kept(applied) == {f"self.{layer}": "1 of 2 heads kept" for layer in ("query", "key", "value")}
    assert (applied.result.self.num_attention_heads, applied.result.self.all_head_size) == (1, 1)
    assert applied.result(torch.zeros(2, 1, 2)).shape == (2, 2)


def test_channel_pruning_leaves_the_inside_of_attention_to_it(network: VisionTransformer):
    applied = PruneChannels(sparsity=0.5).apply(network, a_bench(IMAGE))
    assert {layer: what for layer, what in kept(applied).items() if layer.startswith(("patches", "blocks.0"))} == {
        "patches": "16 of 32 channels kept",
        "blocks.0.attention.out": "16 of 32 channels kept",
        "blocks.0.mlp.fc2": "16 of 32 channels kept",
        "blocks.0.mlp.fc1": "32 of 64 channels kept",
    }
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)
