"""Published weights come into our layers in their order, and what is not of our shape is refused."""

import io
import zipfile

import pytest
import torch
import yaml
from torch import nn

from edgekit.core import files
from edgekit.core.errors import DataError, ModelError
from edgekit.models import pretrained


def small() -> nn.Sequential:
    """A convolution, normalisation and our own classes."""
    return nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Linear(2, 10)).eval()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Writes a catalog with one network, "small", whose wheel lies in the cache already."""

    def publish(tensors: dict, **more) -> None:
        content = io.BytesIO()
        torch.save(tensors, content)
        folder = files.cache() / "pretrained" / "small"
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "small.whl", "w") as wheel:
            wheel.writestr("inside/weights.pth", content.getvalue())
        source = {"kind": "pip", "form": "torch", "at": "small==1"}
        source["files"] = [{"name": "small.whl", "sha256": files.sha256(folder / "small.whl")}]
        about = {"title": "Small", "licence": "MIT", "citation": "none", "inside": "inside/weights.pth"}
        path = tmp_path / "pretrained.yaml"
        path.write_text(yaml.safe_dump({"small": about | {"sources": [source]} | more}))
        monkeypatch.setattr(pretrained, "CATALOG", path)
        pretrained._read.cache_clear()

    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    yield publish
    pretrained._read.cache_clear()


def test_tensors_are_paired_in_order_and_the_publishers_classes_left_out(published):
    torch.manual_seed(0)
    theirs = small()
    theirs[1].running_mean.fill_(0.3)
    named = {f"features.{key}": value for key, value in theirs.state_dict().items()} | {"top.weight": torch.ones(9, 2)}
    published(named, leave_out=["top.*", "features.2.*"])
    ours = small()
    own_classes = ours[2].weight.clone()
    pretrained.start(ours, "small")
    image = torch.randn(4, 1, 3, 3)
    assert torch.equal(ours[:2](image), theirs[:2](image))
    assert torch.equal(ours[2].weight, own_classes)


class Cut(nn.Module):
    """The convolution alone, and a layer of our own."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, bias=False)
        self.fc = nn.Linear(2, 10)


def test_a_network_that_was_cut_takes_the_first_and_keeps_its_own_layer(published):
    theirs = small()
    published(theirs.state_dict(), leave_out=["2.*"])
    ours = Cut()
    own_layer = ours.fc.weight.clone()
    pretrained.start(ours, "small")
    assert torch.equal(ours.stem.weight, theirs[0].weight)
    assert torch.equal(ours.fc.weight, own_layer)


def test_another_epsilon_of_normalisation_is_made_up_for(published):
    torch.manual_seed(0)
    theirs = small()
    theirs[1].eps = 0.001
    theirs[1].running_var.fill_(0.002)
    published(theirs.state_dict(), epsilon=0.001)
    ours = small()
    pretrained.start(ours, "small")
    image = torch.randn(4, 1, 3, 3)
    assert torch.allclose(ours[:2](image), theirs[:2](image), atol=1e-6)


def test_tensors_of_another_shape_are_refused_by_name(published):
    published({"first.weight": torch.zeros(3, 3)})
    with pytest.raises(ModelError) as said:
        pretrained.start(small(), "small")
    assert str(said.value) == "first.weight of Small is (3, 3), where 0.weight is (2, 1, 3, 3)."


class Encoder(nn.Module):
    """A table of places, a layer, and our own classes."""

    def __init__(self):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(2, 3))
        self.first = nn.Linear(3, 2)
        self.head = nn.Linear(2, 5)


ALPHABETICAL = {
    "encoder.0.bias": torch.arange(2.0),
    "encoder.0.weight": torch.arange(6.0).reshape(2, 3),
    "places": torch.arange(12.0).reshape(4, 3),
    "pooler.weight": torch.zeros(2, 2),
}
NAMES = {"encoder.0": "first", "places": "positions"}


def test_tensors_in_another_order_are_paired_by_name_and_long_tables_give_their_first_rows(published):
    published(ALPHABETICAL, names=NAMES, leave_out=["pooler.*"], first_rows=["positions"])
    ours = Encoder()
    own_classes = ours.head.weight.clone()
    pretrained.start(ours, "small")
    assert torch.equal(ours.positions, ALPHABETICAL["places"][:2])
    assert torch.equal(ours.first.weight, ALPHABETICAL["encoder.0.weight"])
    assert torch.equal(ours.first.bias, ALPHABETICAL["encoder.0.bias"])
    assert torch.equal(ours.head.weight, own_classes)


def test_names_that_the_network_has_not_are_refused(published):
    published(ALPHABETICAL, names=NAMES, first_rows=["positions"])
    with pytest.raises(ModelError) as said:
        pretrained.start(Encoder(), "small")
    assert str(said.value) == "Small must have the layers of the network; 2 differ, such as head.weight."


def test_a_longer_table_is_refused_where_its_first_rows_were_not_asked_for(published):
    published(ALPHABETICAL, names=NAMES, leave_out=["pooler.*"])
    with pytest.raises(ModelError) as said:
        pretrained.start(Encoder(), "small")
    assert str(said.value) == "places of Small is (4, 3), where positions is (2, 3)."


def test_an_unknown_network_is_refused_with_those_that_exist(published):
    published({})
    with pytest.raises(ModelError) as said:
        pretrained.start(small(), "large")
    assert str(said.value) == "no pretrained network 'large'. There are: small."


def test_what_no_source_brings_is_said_with_each_reason(published):
    published({}, sources=[{"kind": "url", "form": "torch", "at": "http://127.0.0.1:9", "files": [{"name": "x.pth"}]}])
    with pytest.raises(DataError) as said:
        pretrained.start(small(), "small")
    assert str(said.value).startswith(
        "Small could not be fetched from any of its sources:\n- http://127.0.0.1:9: no connection (ConnectError: "
    )


def test_every_file_of_the_catalog_has_a_checksum_and_a_licence():
    for known in pretrained._read().values():
        assert known.licence
        assert known.citation
        assert all(len(file.sha256) == 64 for source in known.sources for file in source.files)
