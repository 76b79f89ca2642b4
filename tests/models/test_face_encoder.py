"""Face encoders: the body of a classifier, and a layer that knows where in the picture it looks."""

import numpy as np
import pytest
import torch

from edgekit.artifacts.export import export
from edgekit.models.architectures import FOR_FACES, parameters
from edgekit.techniques.prune_blocks import PruneBlocks
from edgekit.techniques.prune_channels import PruneChannels
from tests.techniques.benches import a_bench

SHAPE = (3, 28, 24)


def narrow(name: str) -> torch.nn.Module:
    """A quarter of the channels, and eight numbers as an answer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FOR_FACES[name](8, SHAPE, width=0.25).eval()


@pytest.mark.parametrize("name", FOR_FACES)
def test_a_mirrored_face_is_another_input_of_the_last_layer(name):
    network = narrow(name)
    images = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        places = network.head(network.blocks(network.stem(images)))  # (2, channels, height, width)
        assert min(places.shape[2:]) >= 3
        assert network(images).shape == (2, 8)
        assert torch.equal(network(images), network.fc(places.flatten(1)))
        assert not torch.allclose(network.fc(places.flip(3).flatten(1)), network(images))


@pytest.mark.parametrize("step", [PruneChannels(sparsity=0.5), PruneBlocks(samples=32)], ids=["channels", "blocks"])
@pytest.mark.parametrize("name", ["face_mobilenet_v2", "face_resnet50"])
def test_channels_and_blocks_can_be_pruned_and_what_is_left_exported(name, step):
    bench, network = a_bench(SHAPE), narrow(name)
    before = parameters(network)
    found = step.apply(network, bench).result
    assert parameters(found) < before
    assert export(found, np.zeros((1, *SHAPE), np.float32)).graph.output[0].name
