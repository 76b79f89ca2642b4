"""A file is told from its bytes, whatever its name says; nothing in it is unpacked or run."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from edgekit.models.recognise import SNIPPET, Kind, kind
from tests.techniques.graphs import matrix

SMALL = torch.nn.Linear(3, 2)


def zipped(*names: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return memory.getvalue()


BYTES = [
    (b"", Kind.EMPTY),
    (pickle.dumps({"a": 1}), Kind.PICKLE),
    (pickle.dumps([1], protocol=2), Kind.PICKLE),
    (b"\x89HDF\r\n\x1a\n" + bytes(100), Kind.HDF5),
    (b"\x1c\0\0\0TFL3" + bytes(100), Kind.TFLITE),
    (b"\x1c\0\0\0ORTM" + bytes(100), Kind.ORT),
    (b"GGUF\x03\0\0\0" + bytes(100), Kind.GGUF),
    (b'<?xml version="1.0"?>\n<net name="n" version="11">\n</net>', Kind.OPENVINO),
    (b"\n<!DOCTYPE html><title>Sign in</title>", Kind.HTML),
    (b"<html lang='en'>", Kind.HTML),
    (b"version https://git-lfs.github.com/spec/v1\n", Kind.TEXT),
    ("é, one of many letters".encode(), Kind.TEXT),
    (b"\x08\x01\x12\xff\x01" + bytes(100), Kind.SAVED_MODEL),
    (zipped("config.json", "metadata.json", "model.weights.h5"), Kind.KERAS),
    (zipped("photos/cat.png", "project/code/data.py"), Kind.ZIP),
    (zipped(), Kind.ZIP),
    (b"\x01\x02\x03\x04" * 100, Kind.UNKNOWN),
]


@pytest.mark.parametrize(("data", "expected"), BYTES, ids=[f"{one.name}-{at}" for at, (_, one) in enumerate(BYTES)])
def test_every_kind_is_told_from_its_first_bytes(tmp_path, data, expected):
    path = tmp_path / "network.onnx"
    path.write_bytes(data)
    assert kind(path) is expected


def written(path: Path, kind: Kind) -> None:
    """A file as the library that is named by its kind writes one."""
    if kind is Kind.ONNX:
        onnx.save(matrix(np.ones((2, 3))), path)
    elif kind is Kind.SAFETENSORS:
        save_file(SMALL.state_dict(), path)
    elif kind is Kind.TORCHSCRIPT:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.trace(SMALL, torch.zeros(1, 3)).save(path)
    elif kind is Kind.TORCH_EXPORT:
        torch.export.save(torch.export.export(SMALL, (torch.zeros(1, 3),)), path)


@pytest.mark.parametrize("expected", [Kind.ONNX, Kind.SAFETENSORS, Kind.TORCHSCRIPT, Kind.TORCH_EXPORT])
def test_real_files_are_told_apart(tmp_path, expected):
    path = tmp_path / "network.pt2"
    written(path, expected)
    assert kind(path) is expected


@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("saved", [SMALL, SMALL.state_dict()], ids=["network", "weights"])
def test_what_torch_saves_is_a_pickle_in_a_zip_file_or_without(tmp_path, saved, as_zip):
    path = tmp_path / "network.pt"
    torch.save(saved, path, _use_new_zipfile_serialization=as_zip)
    assert kind(path) is Kind.PYTORCH


def test_no_more_is_read_than_the_two_ends_however_large_a_file_says_that_it_is(tmp_path):
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.write(zipped("archive/data.pkl")[:46])
        file.truncate(2**36)  # takes no room on disk
    assert kind(path) is Kind.PYTORCH


def test_a_list_of_members_that_never_ends_costs_nothing(tmp_path):
    path = tmp_path / "bomb.zip"
    path.write_bytes(b"PK\x03\x04" + b"PK\x01\x02\xff\xff" * 500_000)
    assert kind(path) is Kind.ZIP


def test_every_kind_but_onnx_says_what_to_do():
    assert {one for one in Kind if not one.advice} == {Kind.ONNX}


def test_the_snippet_exports_a_network_to_onnx(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        exec(SNIPPET, {"network": network})
    assert kind(tmp_path / "network.onnx") is Kind.ONNX
    assert len(SNIPPET.splitlines()) == 3
