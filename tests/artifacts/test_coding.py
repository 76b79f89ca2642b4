"""The coded form of a file: never longer than zstd's by more than its mark, and the same file again, byte for byte."""

import numpy as np
import pytest
import zstandard

from edgekit.artifacts.coding import decode, encode
from edgekit.artifacts.entropy import code, cost, decoded, table, whole
from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.artifacts.pieces import pieces
from edgekit.artifacts.slim import slim
from edgekit.core.errors import ModelError
from edgekit.models.architectures.lenet5 import LeNet5
from tests.artifacts.networks import codebook, convolutional, encoding, example, grouped, rounded, seeded


def zipped(data: bytes) -> int:
    """Bytes that zstd makes of it."""
    return len(zstandard.ZstdCompressor(level=19).compress(data))


def file(form, share: float = 0.0) -> bytes:
    """LeNet-5 whose fc1 is of this form, with a share of zeros in whole rows and single weights; or plain weights."""
    graph = export(seeded(LeNet5()), np.zeros((1, 1, 28, 28), np.float32))
    generator, encodings = np.random.default_rng(0), {}
    for tensor in graph.graph.initializer:
        if tensor.name == "fc1.weight":
            zeros = generator.random((500, 800)) < np.where(np.arange(500) % 2, share, share / 2)[:, None]
            if form is None:
                value = np.where(zeros, 0, np.random.default_rng(1).normal(0, 0.05, (500, 800))).astype(np.float32)
            else:
                made = form((500, 800), 4)
                encodings[tensor.name] = type(made)(**made.__dict__ | {"codes": np.where(zeros, 0, made.codes)})
                value = encodings[tensor.name].decode()
            tensor.raw_data = value.tobytes()
    return slim(pack(graph, encodings)).SerializeToString(deterministic=True)


@pytest.mark.parametrize("share", [0, 0.5, 0.95])
@pytest.mark.parametrize("form", [None, encoding, codebook, lambda shape, bits: grouped(shape, bits, 100)])
def test_packed_files_come_back_byte_for_byte_and_are_shorter(form, share):
    data = file(form, share)
    coded = encode(data)
    assert decode(coded) == data
    assert len(coded) < zipped(data)


@pytest.mark.parametrize("bits", range(2, 9))
def test_files_of_every_width_come_back(bits):
    graph, encodings = rounded(convolutional(), bits)
    data = pack(graph, encodings).SerializeToString()
    assert decode(encode(data)) == data


def test_the_stages_of_deep_compression_each_save_something():
    """Zeros where rows are unevenly full, and codes of uneven frequency, take fewer bits than a fixed number each."""
    data = file(codebook, 0.95)
    assert len(encode(data)) < 0.93 * zipped(data) < 0.93 * len(data)
    (mask,) = [piece for piece in pieces(data) if len(piece.classes) == 1300]
    assert len(mask.tables) > 1


@pytest.mark.parametrize("data", [b"", b"x", b"no network" * 1000, np.random.default_rng(0).bytes(5000)])
def test_any_bytes_come_back(data):
    assert decode(encode(data)) == data
    assert len(encode(data)) <= zipped(data) + 7


def test_an_onnx_file_that_does_not_gain_is_only_zipped():
    graph = export(convolutional(), example())
    for tensor in graph.graph.initializer:
        tensor.raw_data = bytes(len(tensor.raw_data))
    data = graph.SerializeToString()
    assert len(encode(data)) == zipped(data) + 7
    assert decode(encode(data)) == data


@pytest.mark.parametrize("wrong", [b"", b"EK0", b"EK1", b"some other file", encode(file(encoding))[:-500]])
def test_what_was_not_coded_is_refused(wrong):
    with pytest.raises(ModelError) as refused:
        decode(wrong)
    assert str(refused.value) == (
        f"a coded file must be one that `python -m edgekit pack` wrote, but these {len(wrong):,} bytes are not, or "
        "not all of them. Pack the .onnx file again."
    )


@pytest.mark.parametrize("form", [encoding, codebook])
def test_a_bit_that_flipped_on_the_way_is_noticed(form):
    data = bytearray(encode(file(form, 0.5)))
    data[-100] ^= 1
    with pytest.raises(ModelError):
        decode(bytes(data))


@pytest.mark.parametrize("count", [0, 1, 7, 4095, 20_000])
def test_symbols_of_several_tables_come_back(count):
    generator = np.random.default_rng(count)
    contexts = generator.integers(0, 3, count)
    values = np.array([generator.integers(0, [2, 5, 256][one]) for one in contexts], np.int64)
    tables = [table(np.bincount(values[contexts == k], minlength=[2, 5, 256][k])) for k in range(3)]
    np.testing.assert_array_equal(decoded(code(values, contexts, tables), contexts, tables), values)


def test_symbols_take_as_many_bits_as_they_are_surprising():
    values = (np.random.default_rng(0).random(100_000) < 0.03).astype(np.int64)
    counts = np.bincount(values)
    found = 8 * len(code(values, np.zeros_like(values), [table(counts)]))
    assert cost(counts) == pytest.approx(100_000 * 0.1944, rel=0.02)  # H(0.03) = 0.1944 bits
    assert found == pytest.approx(cost(counts), rel=0.05)


def test_tables_sum_to_a_power_of_two_and_hold_all_that_was_counted():
    for counts in ([1, 10**9], [0, 5, 0], [3] * 256, [0, 0], [1, 2, 3]):
        found = table(np.array(counts))
        assert found.sum() == 2**14
        assert (found[np.array(counts) > 0] > 0).all()
        np.testing.assert_array_equal(whole(found[:-1]), found)
