"""The counted numbers of a file, and its size as shipped."""

from pathlib import Path

import numpy as np
import zstandard

from edgekit.artifacts import coding
from edgekit.artifacts.coding import decode, encode
from edgekit.artifacts.export import export
from edgekit.artifacts.write import write
from edgekit.core.measurement import Origin
from edgekit.measure.size import compressed, counted
from edgekit.models.architectures.lenet5 import LeNet5
from tests.artifacts.networks import convolutional, rounded


def test_lenet5_is_counted(tmp_path):
    artifact = write(export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32)), {}, tmp_path, "", None)
    found = counted(Path(artifact.path))
    assert {metric: measurement.value for metric, measurement in found.items()} == {
        "size_bytes": artifact.bytes,
        "weight_bits": 32 * 430_500,
        "params": 431_080,
        "macs": 2_293_000,
    }
    assert all(m.origin is Origin.COUNTED and m.low == m.value == m.high for m in found.values())


def test_fewer_bits_move_the_weight_bits_and_not_the_parameters(tmp_path):
    graph, encodings = rounded(convolutional(), 2)
    plain = counted(Path(write(graph, {}, tmp_path, "", None).path))
    packed = counted(Path(write(graph, encodings, tmp_path, "", None).path))
    assert packed["params"].value == plain["params"].value
    assert packed["macs"].value == plain["macs"].value
    assert packed["weight_bits"].value < 0.2 * plain["weight_bits"].value


def test_the_shipped_and_the_coded_file_can_be_unpacked_again(tmp_path):
    path = Path(write(export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32)), {}, tmp_path, "", None).path)
    data, found = path.read_bytes(), compressed(path)
    assert {metric: (one.value, one.how) for metric, one in found.items()} == {
        "shipped_bytes": (len(zstandard.ZstdCompressor(level=19).compress(data)), "zstd, level 19"),
        "coded_bytes": (len(encode(data)), "entropy-coded, layer by layer; unpacks to this file"),
    }
    assert found["coded_bytes"].value < found["shipped_bytes"].value
    assert decode(encode(data)) == data


def test_a_large_file_is_zipped_at_a_level_that_does_not_take_minutes_and_says_which(tmp_path, monkeypatch):
    path = Path(write(export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32)), {}, tmp_path, "", None).path)
    data = path.read_bytes()
    monkeypatch.setattr(coding, "MOST_AT_FULL_LEVEL", len(data) - 1)
    found = compressed(path)["shipped_bytes"]
    assert (found.value, found.how) == (len(zstandard.ZstdCompressor(level=9).compress(data)), "zstd, level 9")


def test_zeros_shrink_the_file_its_weights_and_what_is_shipped_but_not_the_parameters(tmp_path):
    network = LeNet5()
    image = np.zeros((1, 1, 28, 28), np.float32)
    full = Path(write(export(network, image), {}, tmp_path, "", None).path)
    weight = network.fc1.weight.data
    weight[weight.abs() < 0.03] = 0  # of values between −0.035 and 0.035
    sparse = Path(write(export(network, image), {}, tmp_path, "", None).path)
    before, after = counted(full), counted(sparse)
    assert after["params"] == before["params"]
    for metric in ("size_bytes", "weight_bits"):
        assert after[metric].value < 0.3 * before[metric].value
    assert compressed(sparse)["shipped_bytes"].value < 0.3 * compressed(full)["shipped_bytes"].value
