"""Every technique on networks that read series: it works, or says why it does not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.core.model import Model
from edgekit.core.preprocessing import Values
from edgekit.core.technique import Technique
from edgekit.data import bring, feed, splits
from edgekit.models.architectures import build
from edgekit.models.training import Schedule, fit
from edgekit.registry import techniques
from edgekit.tasks import task
from tests.benchmarks.matrix import pair
from tests.test_every_technique import small

STEPS, FEATURES = 16, 4
FOR_IMAGES = {"search_architecture", "shrink_input", "swap_architecture"}
NEEDS_OTHER_LAYERS = {"prune_blocks", "prune_heads"}
NOTHING_TO_DO = {
    "cnn_1d": {"factorize", "separate_convs"},
    "gru": {"factorize", "separate_convs", "prune_channels"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory):
    """Series that rise or fall, brought as an .npz, in a home of this module's own."""
    folder, generator = tmp_path_factory.mktemp("series"), np.random.default_rng(0)
    y = np.arange(160) % 2
    slopes = np.linspace(-1, 1, STEPS)[None, :, None] * (2 * y - 1)[:, None, None]
    np.savez(folder / "series.npz", x=slopes + generator.normal(0, 0.3, (160, STEPS, FEATURES)), y=y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_HOME", str(folder / "home"))
        yield splits.load(bring.add(Path(folder / "series.npz")))


@pytest.fixture(scope="module", params=["cnn_1d", "gru"])
def model(request, data: splits.Dataset) -> Model:
    """A network of ours that has learned to tell them apart."""
    prepared, asked = Values(channels_first=request.param == "cnn_1d"), task("classification")
    shape = prepared.shape(data.entry.shape)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(request.param, 2, shape)
    schedule = Schedule(10, 0.01, len(data.training) // 16, optimizer="adamw")
    network, _ = fit(network, lambda epoch: feed.batches(data.training, prepared, 16, epoch, shift=0), schedule, asked)
    return Model(
        id=request.param, title="Tiny", sha256="4" * 64, input_shape=shape, data=data.id, preprocessing=prepared,
        labels=("falls", "rises"), task=asked, network=network,
    )  # fmt: skip


@pytest.mark.parametrize("technique", techniques().values(), ids=techniques())
def test_a_technique_works_or_says_why_not(technique: type[Technique], model: Model, data: splits.Dataset):
    found, name = pair(model, data, small(technique)), technique.id()
    if name in FOR_IMAGES | NEEDS_OTHER_LAYERS:
        assert found["outcome"] == "greyed out"
        assert f"which {model.id} does not have" in found["why"]
    elif name in NOTHING_TO_DO[model.id]:
        assert found["outcome"] == "nothing to do"
    else:
        assert found["outcome"] == "works", found["why"]
        assert found["score"] > 0.7
