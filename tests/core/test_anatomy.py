"""What a network is built of is found by looking at its modules, under the usual names."""

import pytest
from torch import nn

from edgekit.core.anatomy import Attention, FeedForward, all_blocks, attentions, blocks, feed_forwards
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from edgekit.models.architectures.vit import VisionTransformer


def small_vit() -> VisionTransformer:
    return VisionTransformer(dim=32, depth=2, num_heads=4, hidden=64)


class Renamed(nn.Module):
    """An attention layer under other names; `narrow` columns are missing from what reads the heads."""

    def __init__(self, q: str, k: str, v: str, out: str, heads: str, head_dim: str, narrow: int = 0):
        super().__init__()
        for name in (q, k, v):
            setattr(self, name, nn.Linear(12, 8))
        setattr(self, out, nn.Linear(8 - narrow, 12))
        setattr(self, heads, 2)
        setattr(self, head_dim, 4)


def bert() -> nn.Module:
    """A layer as BERT of Hugging Face has it: who reads the heads stands beside what makes them."""
    layer, attention = nn.Module(), nn.Module()
    attention.self = Renamed("query", "key", "value", "unused", "num_attention_heads", "attention_head_size")
    del attention.self.unused
    attention.output, layer.intermediate, layer.output = nn.Module(), nn.Module(), nn.Module()
    attention.output.dense = nn.Linear(8, 12)
    layer.attention = attention
    layer.intermediate.dense, layer.output.dense = nn.Linear(12, 48), nn.Linear(48, 12)
    return layer


def test_the_attention_and_feed_forward_layers_of_a_vision_transformer():
    first = "blocks.0.attention"
    assert attentions(small_vit())[0] == Attention(
        first, f"{first}.q", f"{first}.k", f"{first}.v", f"{first}.out", "num_heads", "head_dim"
    )
    assert feed_forwards(small_vit()) == [FeedForward(f"blocks.{n}.mlp.fc1", f"blocks.{n}.mlp.fc2") for n in (0, 1)]


def test_what_bert_calls_them():
    assert attentions(bert()) == [
        Attention(
            "attention.self",
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "num_attention_heads",
            "attention_head_size",
        )
    ]
    assert feed_forwards(bert()) == [FeedForward("intermediate.dense", "output.dense")]


@pytest.mark.parametrize(
    "names", ["q_proj k_proj v_proj out_proj num_heads head_dim", "to_q to_k to_v to_out heads dim_head"]
)
def test_other_usual_names(names: str):
    assert [one.name for one in attentions(nn.Sequential(Renamed(*names.split())))] == ["0"]


def test_an_attention_layer_whose_sizes_do_not_fit_is_none():
    assert attentions(Renamed("q", "k", "v", "out", "num_heads", "head_dim", narrow=1)) == []
    assert attentions(Renamed("q", "k", "w", "out", "num_heads", "head_dim")) == []


def test_networks_of_convolutions_have_no_attention_and_their_fc_layers_are_no_feed_forward_part():
    for network in (LeNet5(), resnet8()):
        assert attentions(network) == feed_forwards(network) == []


def test_blocks_that_halve_the_image_do_not_keep_its_shape():
    assert [name for name, _ in blocks(resnet20())] == [
        "stage1.0", "stage1.1", "stage1.2", "stage2.1", "stage2.2", "stage3.1", "stage3.2"
    ]  # fmt: skip
    assert len(all_blocks(resnet20())) == 9
    assert [name for name, _ in blocks(resnet8())] == ["stage1.0"]


def test_every_block_of_a_transformer_keeps_the_shape():
    assert [name for name, _ in blocks(small_vit())] == ["blocks.0", "blocks.1"]


def test_layers_in_a_row_are_no_blocks():
    assert all_blocks(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.Linear(3, 3), nn.ReLU()))) == []
    assert all_blocks(LeNet5()) == []
