"""Networks by name, from files that lie where their makers' own tools keep them; what is not here is said to be so."""

import json
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit import library
from edgekit.core.errors import ModelError
from edgekit.models import by_name
from edgekit.models._onnx2torch import onnx2torch
from tests.brought import a_file

onnx2torch()  # torchvision is imported as EdgeKit imports it
timm = pytest.importorskip("timm")
safetensors = pytest.importorskip("safetensors.torch")

COMMIT = "0" * 40


@pytest.fixture(autouse=True)
def closed(home, tmp_path, monkeypatch):
    """No way out of this machine, and caches of one's own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def in_hub(folder: Path, repository: str, files: dict[str, bytes]) -> None:
    """Files as the hub's own tool keeps them: blobs by hash, and a snapshot that names them."""
    place = folder / "hub" / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    for name, content in files.items():
        path = place / "snapshots" / COMMIT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_what_is_a_name_and_what_is_a_file():
    assert all(map(by_name.is_name, ("torchvision:resnet18", "timm:resnet18.a1_in1k", "hf:owner/repo/onnx/model.onnx")))
    assert not any(map(by_name.is_name, ("resnet8-cifar10", "model.onnx", "C:\\model.onnx", "keras:resnet", "timm:")))


def test_a_network_of_torchvision_comes_with_the_weights_that_lie_in_its_cache(tmp_path):
    from torchvision.models import get_model, get_model_weights

    torch.manual_seed(0)
    network = get_model("squeezenet1_1", weights=None).eval()
    url = get_model_weights("squeezenet1_1").DEFAULT.url
    place = tmp_path / "torch" / "hub" / "checkpoints" / url.rsplit("/", 1)[1]
    place.parent.mkdir(parents=True)
    torch.save(network.state_dict(), place)
    found = by_name.fetched("torchvision:squeezenet1_1")
    image = torch.randn(1, *found.shape)
    assert found.shape == (3, 224, 224)
    assert torch.equal(found.network(image), network(image))


def test_weights_that_hide_a_program_are_refused(tmp_path):
    from torchvision.models import get_model_weights

    url = get_model_weights("squeezenet1_1").DEFAULT.url
    place = tmp_path / "torch" / "hub" / "checkpoints" / url.rsplit("/", 1)[1]
    place.parent.mkdir(parents=True)
    torch.save({"run": Path("me")}, place)
    with pytest.raises(
        ModelError, match="torchvision:squeezenet1_1 is refused: its weights must be tensors alone, but hold a program."
    ):
        by_name.fetched("torchvision:squeezenet1_1")


def test_a_network_of_timm_comes_from_the_hubs_cache(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("test_convnext.r160_in1k", pretrained=False).eval()
    config = {"architecture": "test_convnext", "num_classes": 1000, "pretrained_cfg": network.pretrained_cfg}
    files = {
        "model.safetensors": safetensors.save(dict(network.state_dict())),
        "config.json": json.dumps(config, default=str).encode(),
    }
    in_hub(tmp_path, "timm/test_convnext.r160_in1k", files)
    found = by_name.fetched("timm:test_convnext.r160_in1k")
    image = torch.randn(1, *found.shape)
    assert torch.equal(found.network(image), network(image))


def test_a_file_of_the_hub_becomes_a_model_that_is_measured(tmp_path):
    in_hub(tmp_path, "somebody/lenet", {"onnx/model.onnx": a_file(tmp_path).read_bytes()})
    model = library.load("hf:somebody/lenet/onnx/model.onnx", data="fashion-mnist")
    assert model.title == "somebody-lenet-onnx-model"
    assert model.card["file"] == "somebody-lenet-onnx-model.onnx"
    assert model.network is not None


def test_a_named_network_becomes_a_model_on_random_inputs(tmp_path, monkeypatch):
    torch.manual_seed(0)
    small = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5))
    monkeypatch.setitem(by_name._SOURCES, "timm", lambda name: by_name.Named(small.eval(), (3, 8, 8)))
    model = library.load("timm:small")
    inputs = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype(np.float32)
    with torch.no_grad():
        assert torch.allclose(model.network(torch.from_numpy(inputs)), small(torch.from_numpy(inputs)), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("torchvision:resnet19", "no network at torchvision 'resnet19'. Did you mean 'resnet1"),
        ("timm:resnet1", "no network at timm 'resnet1'. Did you mean 'resnet1"),
        ("hf:somebody/lenet", "a file on the hub is named hf:owner/repository/file; it is 'hf:somebody/lenet'."),
        ("hf:somebody/none/model.onnx", "hf:somebody/none/model.onnx is not available here because it could not be "),
        ("keras:resnet", "a name must begin with torchvision: or timm: or hf:; it is 'keras:resnet'."),
    ],
)
def test_what_is_not_there_is_refused_in_words(text, said):
    with pytest.raises(ModelError) as refused:
        by_name.fetched(text)
    assert str(refused.value).startswith(said)


def test_without_a_network_the_reason_is_said(monkeypatch):
    def unreachable(*args, **more):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(ModelError) as refused:
        by_name.fetched("torchvision:squeezenet1_1")
    assert str(refused.value) == (
        "torchvision:squeezenet1_1 is not available here because it could not be fetched: <urlopen error no route to "
        "host>"
    )


def test_a_package_that_is_missing_comes_with_its_install_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"Install it: pip install huggingface_hub$"):
        by_name.fetched("hf:owner/repository/model.onnx")
