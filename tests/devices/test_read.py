"""Layers of a file as devices see them."""

from pathlib import Path

import pytest

from edgekit.core.errors import ModelError
from edgekit.devices.layers import kind_of_convolution
from edgekit.devices.read import read
from tests.devices.graphs import attention, integers, residual


@pytest.mark.parametrize(
    ("kernel", "strides", "groups", "cin", "cout", "kind"),
    [
        ((3, 3), (1, 1), 1, 16, 16, "c3"),
        ((3, 3), (1, 1), 1, 3, 16, "conv"),  # too few channels for Winograd
        ((3, 3), (2, 2), 1, 16, 16, "conv"),
        ((7, 7), (2, 2), 1, 3, 64, "conv"),
        ((1, 1), (1, 1), 1, 64, 256, "pw"),
        ((1, 1), (1, 1), 3, 80, 20, "pw"),
        ((3, 3), (1, 1), 8, 8, 8, "gconv"),
        ((3, 3), (1, 1), 2, 48, 128, "conv"),
        ((5, 5), (1, 1), 96, 1, 1, "dw"),
    ],
)
def test_a_convolution_is_of_the_kind_that_decides_its_speed(kernel, strides, groups, cin, cout, kind):
    assert kind_of_convolution(kernel, strides, groups, cin, cout) == kind


def test_every_layer_has_its_counts_and_what_runtimes_do_in_passing_has_none(tmp_path):
    layers = {layer.name: layer for layer in read(residual(tmp_path / "residual.onnx")).layers}
    assert list(layers) == ["a", "b", "sum", "pool", "fc"]  # neither the ReLU nor the view
    a = layers["a"]
    assert (a.kind, a.macs, a.weights, a.inputs, a.outputs) == ("c3", 16 * 8 * 9 * 16, 16 * 8 * 9, 8 * 16, 16 * 16)
    assert (layers["b"].kind, layers["b"].macs) == ("pw", 16 * 16 * 16)
    assert (layers["sum"].kind, layers["sum"].tensors, layers["sum"].inputs) == ("elt", 2, 2 * 256)
    assert (layers["fc"].kind, layers["fc"].macs) == ("fc", 160)
    assert [layer.depth for layer in layers.values()] == [1, 2, 3, 4, 5]


def test_a_file_with_quantize_pairs_computes_in_integers(tmp_path):
    found = read(integers(tmp_path / "integers.onnx"))
    assert (found.precision, [layer.name for layer in found.layers]) == ("int8", ["conv"])
    assert found.weight_bytes == 8 * 8 * 9


def test_a_product_of_activations_is_told_from_a_layer_with_weights(tmp_path):
    assert read(attention(tmp_path / "attention.onnx")).attention
    assert not read(residual(tmp_path / "residual.onnx")).attention


def test_what_is_no_file_or_no_onnx_is_refused(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"no network")
    for path in (Path("/nowhere/file.onnx"), tmp_path / "no.onnx"):
        with pytest.raises(ModelError):
            read(path)
