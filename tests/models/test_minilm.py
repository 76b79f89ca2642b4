"""The text network: its size counted by hand, padding that changes nothing, heads and blocks that can be found."""

import torch

from edgekit.core.anatomy import attentions, blocks, feed_forwards
from edgekit.models.architectures import FOR_ANY_IMAGE, build, multiply_accumulates, parameters
from edgekit.models.architectures.minilm import TextClassifier
from edgekit.techniques.prune_blocks import Nothing

SMALL = {"pieces": 50, "dim": 16, "depth": 3, "num_heads": 4, "hidden": 32}
TEXT = [1, 7, 9, 30, 2]


def small(length: int) -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(2, length, **SMALL).eval()


def test_parameters_and_multiply_accumulates_counted_by_hand():
    block = 4 * 384 * (384 + 1) + 384 * 1536 + 1536 + 1536 * 384 + 384 + 4 * 384
    network = build("minilm", 2, (64,))
    assert parameters(network) == 30522 * 384 + 64 * 384 + 384 + 2 * 384 + 6 * block + 384 * 2 + 2 == 22_393_730
    linear = 6 * (4 * 384 * 384 + 2 * 384 * 1536)
    assert multiply_accumulates(network, (64,), torch.int64) == 64 * linear + 384 * 2


def test_it_is_offered_for_no_image():
    assert "minilm" not in FOR_ANY_IMAGE


def test_padding_does_not_change_the_answer():
    long, short = small(12), small(len(TEXT))
    weights = long.state_dict()
    short.load_state_dict(weights | {"positions": weights["positions"][: len(TEXT)]})
    with torch.no_grad():
        alone, padded = short(torch.tensor([TEXT])), long(torch.tensor([TEXT + [0] * 7]))
    torch.testing.assert_close(padded, alone)


def test_a_text_of_nothing_gets_an_answer_all_the_same():
    assert torch.isfinite(small(4)(torch.zeros(2, 4, dtype=torch.int64))).all()


def test_heads_feed_forward_parts_and_blocks_are_found():
    network = small(4)
    assert [one.name for one in attentions(network)] == [f"blocks.{n}.attention" for n in range(3)]
    assert len(feed_forwards(network)) == 3
    assert [name for name, _ in blocks(network)] == ["blocks.0", "blocks.1", "blocks.2"]


def test_it_works_without_a_block():
    network = small(5)
    without = TextClassifier(2, 5, **SMALL | {"depth": 2}).eval()
    network.set_submodule("blocks.2", Nothing())
    without.load_state_dict(network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(network(torch.tensor([TEXT])), without(torch.tensor([TEXT])))
