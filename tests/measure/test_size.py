"""The counted numbers of a file, and its size as shipped."""

from pathlib import Path

import numpy as np
import zstandard

from edgekit.artifacts.coding import decode, encode
from edgekit.artifacts.export import export
from edgekit.artifacts.write import write
from edgekit.core.measurement import Origin
from edgekit.measure.size import coded, counted, shipped
from edgekit.models.architectures.lenet5 import LeNet5
from tests.artifacts.networks import convolutional, example, rounded


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


def test_the_shipped_file_can_be_unpacked_again(tmp_path):
    path = Path(write(export(convolutional(), example()), {}, tmp_path, "", None).path)
    found = shipped(path)
    assert found.value == len(zstandard.ZstdCompressor(level=19).compress(path.read_bytes()))
    assert found.how == "zstd, level 19"


def test_the_coded_file_can_be_decoded_again(tmp_path):
    path = Path(write(export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32)), {}, tmp_path, "", None).path)
    found = coded(path)
    assert found.value == len(encode(path.read_bytes())) < shipped(path).value
    assert decode(encode(path.read_bytes())) == path.read_bytes()
    assert (found.metric, found.how) == ("coded_bytes", "entropy-coded, layer by layer")


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
    assert shipped(sparse).value < 0.3 * shipped(full).value
