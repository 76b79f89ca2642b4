"""Weight sharing: k-means against hand-worked clusters, zeros that stay, values that learn, and codes that survive."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.artifacts.packing import pack
from edgekit.artifacts.read import layers, weights
from edgekit.artifacts.write import write
from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Fact
from edgekit.techniques._clusters import cluster, k_means
from edgekit.techniques.share_weights import ShareWeights
from tests.artifacts.networks import convolutional
from tests.techniques.benches import a_bench, linear
from tests.techniques.graphs import kernels, run, values


def shared(network: nn.Module, shape: tuple[int, ...] = (3, 8, 8), **settings):
    """What weight sharing makes of a network."""
    return ShareWeights(**settings).apply(network, a_bench(shape))


def pruned(share: float) -> nn.Sequential:
    """A Linear of 40 × 30 random weights with this share of them at zero."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(40, 30, generator=generator)
    weight[torch.rand(40, 30, generator=generator) < share] = 0
    return linear(weight.tolist())


def test_k_means_finds_two_clusters_worked_by_hand():
    """From 0 and 10: {0, 1, 2, 3} and {9, 10} have the means 1.5 and 9.5, between which nothing moves any more."""
    assert k_means(np.array([10, 0, 1, 9, 2, 3.0]), 2, "linear", 0).tolist() == [1.5, 9.5]


def test_linear_centres_give_large_weights_values_of_their_own_and_density_does_not():
    """Han et al. 2016, section 3.2: few weights are large, so centres by density lie among the small ones."""
    many = np.concatenate([np.linspace(0, 1, 1000), [8.0]])
    assert k_means(many, 4, "linear", 0)[-1] == 8
    assert k_means(many, 4, "density", 0)[-1] < 1.1


def test_random_centres_are_weights_and_depend_on_the_seed():
    values = np.random.default_rng(0).normal(size=500)
    found = [k_means(values, 16, "random", seed).tolist() for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("start", ["linear", "density", "random"])
def test_no_value_lies_nearer_to_another_centre_and_centres_are_means(start):
    values = np.random.default_rng(0).normal(size=2000)
    centres = k_means(values, 8, start, 0)
    nearest = np.abs(values[:, None] - centres).argmin(1)
    for number, centre in enumerate(centres):
        assert centre == pytest.approx(values[nearest == number].mean())


def test_few_different_weights_are_kept_exactly():
    weight = torch.tensor([[0.5, -1.25, 0.5], [3.0, -1.25, 3.0]])
    found = cluster(weight, 8, "linear", 0)
    assert found.count == 3
    assert torch.equal(found.values(weight)[found.codes].float(), weight)


@pytest.mark.parametrize(
    ("share", "bits", "count"),
    [
        (0.0, 3, 8),
        (0.05, 3, 8),  # saves 0.15 bits a weight, and telling which are zero takes H(0.05) = 0.29
        (0.5, 3, 9),  # saves 1.5, takes 1
        (0.9, 1, 3),  # saves 0.9, takes 0.47
        (0.05, 1, 3),  # with one code for zero, one value would be left
        (0.9, 8, 121),  # no more than there are weights
    ],
)
def test_zero_gets_a_value_beside_the_codebook_where_that_is_cheaper(share, bits, count):
    weight = pruned(share)[0].weight
    found = cluster(weight, bits, "linear" if bits < 8 else "density", 0)
    assert found.with_zero == (share > 0)
    if bits < 8:
        assert found.count == count
    assert found.count <= 256


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("share", [0.02, 0.8])
def test_zeros_stay_exactly_zero(share, epochs, tmp_path):
    network = pruned(share)
    zeros = (network[0].weight == 0).numpy()
    done = shared(network, (30,), dense_bits=3, epochs=epochs)
    (found,) = weights(write(done.result, done.encodings, tmp_path, "", None).path).values()
    np.testing.assert_array_equal(found == 0, zeros.T)  # without a bias it is a MatMul
    assert len(np.unique(found[found != 0])) <= 8


def test_the_file_holds_the_codebooks_and_tells_their_size(tmp_path):
    done = shared(convolutional(), bits=3, dense_bits=2)
    rows = layers(write(done.result, done.encodings, tmp_path, "", None).path)
    assert {row["layer"]: (row["bits"], row["clusters"]) for row in rows} == {
        "0": (3, 8), "3": (3, 8), "5": (3, 8), "8": (2, 4),
    }  # fmt: skip


def test_folded_normalisation_becomes_a_scale_of_each_channel():
    network = convolutional()
    before = values(a_bench((3, 8, 8)).export(network))
    done = shared(network, bits=8, dense_bits=8)
    book = done.encodings["0.weight"]
    assert book.scale.shape == (8,)
    assert len(book.values) <= 216
    np.testing.assert_allclose(book.decode(), before["0.weight"], rtol=0.2, atol=0.05)


def test_a_linear_over_a_sequence_has_its_codes_turned():
    weight = torch.arange(24.0).view(4, 6)
    done = shared(linear(weight.tolist()), (5, 6), dense_bits=8)
    np.testing.assert_array_equal(values(done.result)["0.weight"], weight.numpy().T)


def test_a_runtime_runs_what_it_ran_before(tmp_path):
    network = convolutional()
    graph = a_bench((3, 8, 8)).export(network)
    done = shared(network, bits=4)
    packed = pack(done.result, done.encodings)
    assert kernels(packed, tmp_path) == kernels(graph, tmp_path)
    image = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(run(packed, image), run(done.result, image))


def test_more_bits_are_nearer_to_the_weights():
    before = values(a_bench((3, 8, 8)).export(convolutional()))["0.weight"]
    errors = []
    for bits in range(1, 9):
        found = values(shared(convolutional(), bits=bits).result)["0.weight"]
        errors.append(float(np.square(found - before).sum()))
    assert errors == sorted(errors, reverse=True)


def test_a_value_moves_against_the_mean_gradient_of_the_weights_that_share_it():
    """One step of plain descent on Σ g · w with gradients 1, 3 and 5: the shared value of the first two moves by 2."""
    weight = torch.tensor([[1.0, 1.0, 4.0]])
    found = cluster(weight, 1, "linear", 0)
    moved = weight - 0.1 * torch.tensor([[1.0, 3.0, 5.0]])
    found.share(moved)
    assert moved.tolist() == [pytest.approx([0.8, 0.8, 3.5])]


def test_training_learns_values_with_the_codes_held_and_tells_the_curve():
    network, bench = pruned(0.5), a_bench((30,), classes=30)
    before = cluster(network[0].weight, 2, "linear", 0)
    done = ShareWeights(dense_bits=2, epochs=3, learning_rate=0.1, batch_size=16).apply(network, bench)
    book = done.encodings["0.weight"]
    assert [point["epoch"] for point in done.curve] == [1, 2, 3]
    np.testing.assert_array_equal(book.codes, before.codes.numpy().T)
    still = shared(pruned(0.5), (30,), dense_bits=2).encodings["0.weight"].values
    assert np.abs(book.values - still).max() > 0.01
    assert done.curve[-1]["loss"] < done.curve[0]["loss"]


def test_it_trains_and_needs_labels_only_if_asked_to():
    assert not ShareWeights().trains
    assert Fact.TRAINING_DATA not in ShareWeights().needs
    assert ShareWeights(epochs=1).trains
    assert Fact.TRAINING_DATA in ShareWeights(epochs=1).needs


def test_layers_may_have_their_own_bits_or_be_skipped():
    done = shared(convolutional(), bits=2, layers={"3": {"bits": 3}}, skip=["8"])
    assert {name: len(book.values) for name, book in done.encodings.items()} == {
        "0.weight": 4, "3.weight": 8, "5.weight": 4,
    }  # fmt: skip
    assert [change.layer for change in done.changes] == ["0", "3", "5"]


def test_changes_are_told_in_words():
    weight = [[0.0] * 12 + [1.0, 2.0, 3.0, 4.0]] * 2
    (change,) = shared(linear(weight), (16,), dense_bits=2).changes
    assert (change.layer, change.what) == ("0", "8 weights share 4 values, 24 stay zero")
    (change,) = shared(linear([[1.0, 2.0]]), (2,)).changes
    assert change.what == "2 weights share 2 values"


def test_what_the_whole_network_shares_cannot_be_set_for_a_layer():
    with pytest.raises(SettingError) as refused:
        ShareWeights.make({"layers": {"fc*": {"epochs": 2}}})
    assert "layers['fc*'] cannot hold epochs, which the whole network shares" in str(refused.value)


def test_nothing_to_share_is_said():
    with pytest.raises(NothingToDo) as said:
        shared(linear([[1.0]]), (1,), skip=["*"])
    assert str(said.value) == (
        "Weight sharing found no convolution or linear layer with weights. Skip fewer layers, or remove the step."
    )
