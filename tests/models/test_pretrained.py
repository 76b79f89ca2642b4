"""Published weights are put where they belong, by order or by name, and what does not fit is refused."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml
from torch import Tensor, nn

from edgekit.core.errors import ModelError
from edgekit.models import pretrained

PUBLISHED = {  # in alphabetical order, as safetensors keep it
    "encoder.0.bias": torch.arange(2.0),
    "encoder.0.weight": torch.arange(6.0).reshape(2, 3),
    "places": torch.arange(12.0).reshape(4, 3),
    "pooler.weight": torch.zeros(2, 2),
}
NAMES = {"encoder.0": "first", "places": "positions"}


class Ours(nn.Module):
    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(2, 3))
        self.first = nn.Linear(3, 2)
        self.head = nn.Linear(2, 5)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts tensors where a download would lie, and the entry that names them into the catalog."""

    def publish(tensors: dict[str, Tensor], **entry) -> None:
        monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
        content = safetensors.torch.save(tensors)
        path = tmp_path / "pretrained" / "theirs" / "model.safetensors"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        file = {"name": path.name, "sha256": hashlib.sha256(content).hexdigest()}
        source = {"kind": "url", "form": "safetensors", "at": "http://nowhere.invalid", "files": [file]}
        about = {"title": "Theirs", "licence": "none", "citation": "none", "sources": [source]}
        catalog = tmp_path / "pretrained.yaml"
        catalog.write_text(yaml.safe_dump({"theirs": about | entry}))
        monkeypatch.setattr(pretrained, "CATALOG", catalog)
        pretrained._read.cache_clear()

    yield publish
    pretrained._read.cache_clear()


def test_tensors_are_paired_by_name_and_the_first_rows_are_taken(published):
    published(PUBLISHED, names=NAMES, leave_out=["pooler.*"], first_rows=["positions"])
    network = Ours()
    head = network.head.weight.clone()
    pretrained.start(network, "theirs")
    assert torch.equal(network.positions, PUBLISHED["places"][:2])
    assert torch.equal(network.first.weight, PUBLISHED["encoder.0.weight"])
    assert torch.equal(network.first.bias, PUBLISHED["encoder.0.bias"])
    assert torch.equal(network.head.weight, head)


def test_a_name_that_the_network_has_not_is_refused(published):
    published(PUBLISHED, names=NAMES, first_rows=["positions"])
    with pytest.raises(ModelError) as said:
        pretrained.start(Ours(), "theirs")
    assert str(said.value) == "Theirs must have the layers of the network; 2 differ, such as head.weight."


def test_a_table_of_another_size_is_refused_where_rows_are_not_said_to_be_left_out(published):
    published(PUBLISHED, names=NAMES, leave_out=["pooler.*"])
    with pytest.raises(ModelError) as said:
        pretrained.start(Ours(), "theirs")
    assert str(said.value) == "places of Theirs is (4, 3), where positions is (2, 3)."


def test_an_unknown_entry_is_refused_with_those_that_there_are(published):
    published(PUBLISHED)
    assert pretrained.licence("theirs") == "none"
    with pytest.raises(ModelError) as said:
        pretrained.start(Ours(), "ours")
    assert str(said.value) == "no pretrained network 'ours'. There are: theirs."


def test_without_names_the_order_tells(published):
    published({"a": torch.full((2, 3), 7.0)})
    network = Ours()
    pretrained.start(network, "theirs")
    assert (network.positions == 7).all()
