"""ResNet-50, narrow so that the tests are short: small images keep a map, and what compresses it finds its parts."""

import numpy as np
import pytest
import torch

from edgekit.artifacts.export import export
from edgekit.core.anatomy import blocks
from edgekit.models.architectures import parameters
from edgekit.models.architectures.resnet50 import resnet50
from edgekit.techniques.prune_blocks import PruneBlocks
from edgekit.techniques.prune_channels import PruneChannels
from tests.techniques.benches import a_bench

SHAPE = (3, 28, 24)


@pytest.fixture
def narrow():
    """An eighth of the channels, and eight numbers as an answer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return resnet50(8, SHAPE, width=0.125).eval()


def test_every_block_but_the_first_of_a_stage_keeps_its_shape_and_is_found(narrow):
    assert [name for name, _ in blocks(narrow)] == [f"blocks.{n}" for n in range(16) if n not in (0, 3, 7, 13)]


def test_at_first_a_block_adds_nothing_to_its_shortcut(narrow):
    x = torch.randn(1, 32, 7, 6, generator=torch.Generator().manual_seed(0)).relu()
    with torch.no_grad():
        for block in (narrow.blocks[3], narrow.blocks[4]):  # the first of a stage is projected
            wanted = block.shortcut(x).relu()
            x = block(x)
            assert torch.equal(x, wanted)


def test_small_images_keep_a_map_of_three_pixels_or_more(narrow):
    seen = []
    narrow.blocks.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    with torch.no_grad():
        assert narrow(torch.zeros(2, *SHAPE)).shape == (2, 8)
    assert min(seen[0][2:]) >= 3


@pytest.mark.parametrize("step", [PruneChannels(sparsity=0.5), PruneBlocks(samples=32)], ids=["channels", "blocks"])
def test_channels_and_blocks_can_be_pruned_and_what_is_left_exported(narrow, step):
    bench = a_bench(SHAPE)
    found = step.apply(narrow, bench).result
    assert parameters(found) < parameters(resnet50(8, SHAPE, width=0.125))
    assert export(found, np.zeros((1, *SHAPE), np.float32)).graph.output[0].name
