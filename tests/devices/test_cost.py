"""Times of single layers, worked out by hand."""

import pytest

from edgekit.devices.cost import Accelerator, Cycles, Roofline, milliseconds, parts
from edgekit.devices.layers import Layer
from edgekit.devices.own import slower

RATES = dict.fromkeys(("c3", "conv", "pw", "gconv", "dw", "fc"), 10.0)  # 10⁹ MACs a second
CPU = Roofline(rates=RATES, bandwidth=1.0, overhead_us=5.0, narrow=0.0)


def a_layer(kind="pw", macs=1_000_000, weights=1000, inputs=2000, outputs=3000, **more) -> Layer:
    return Layer("one", kind, macs, weights, inputs, outputs, cin=64, cout=64, **more)


def test_a_layer_takes_the_longer_of_its_arithmetic_and_its_bytes():
    # 10⁶ MACs at 10¹⁰ a second: 0.1 ms; 6,000 floats at 1 GB/s: 0.024 ms; 5 µs for the call
    assert parts(CPU, [a_layer()], "fp32") == pytest.approx({"compute": 0.1, "calls": 0.005})
    # a tenth of the arithmetic, ten times the bytes: now it waits for memory
    fat = a_layer(macs=100_000, weights=55_000)
    assert parts(CPU, [fat], "fp32") == pytest.approx({"memory": 0.24, "calls": 0.005})
    assert parts(CPU, [fat], "int8")["memory"] == pytest.approx(0.06)  # a quarter of the bytes


def test_narrow_dense_layers_pay_for_their_edges_and_depthwise_ones_do_not():
    narrow = CPU.model_copy(update={"narrow": 16.0})
    assert milliseconds(narrow, [a_layer()], "fp32") == pytest.approx(0.1 * (1 + 16 * (1 / 64 + 1 / 64)) + 0.005)
    assert milliseconds(narrow, [a_layer("dw")], "fp32") == milliseconds(CPU, [a_layer("dw")], "fp32")


def test_a_microcontroller_counts_cycles():
    chip = Cycles(mhz=100, per_mac={"dense": 1.0, "dw": 4.0, "fc": 2.0}, per_byte=2.0, per_layer=1000)
    # 10⁶ + 2 · 5,000 + 1,000 cycles at 10⁵ a millisecond
    assert milliseconds(chip, [a_layer()], "int8") == pytest.approx(10.11)
    assert parts(chip, [a_layer("dw")], "int8")["compute"] == pytest.approx(40)


def test_an_accelerator_streams_only_what_does_not_fit_into_its_cache():
    chip = Accelerator(rate=1000, weights_gbs=0.5, start_ms=2.0, cached_bytes=600)
    # 10⁶ MACs at 10¹² a second, 400 bytes at 0.5 GB/s, and the start
    assert parts(chip, [a_layer()], "int8") == pytest.approx(
        {"compute": 0.001, "transfer": 400 / 0.5e6, "start": 2.0, "calls": 0.0}
    )


def test_branches_of_an_accelerator_are_one_step_and_a_concatenation_of_integers_is_many():
    chip = Accelerator(rate=1000, step_us=10)
    branches = [a_layer(depth=1), a_layer(depth=1), a_layer("elt", 0, 0, depth=2, tensors=3)]
    assert parts(chip, branches, "int8")["calls"] == pytest.approx(0.04)
    assert parts(chip, branches, "fp16")["calls"] == pytest.approx(0.02)


@pytest.mark.parametrize(
    "rates",
    [
        CPU,
        Cycles(mhz=100, per_mac={"dense": 1.0, "dw": 4.0, "fc": 2.0}, per_byte=2.0, per_layer=1000),
        Accelerator(rate=1000, weights_gbs=0.5, activations_gbs=2.0, step_us=3.0, start_ms=2.0),
    ],
    ids=lambda rates: rates.form,
)
def test_rates_that_are_slower_by_a_factor_make_every_time_longer_by_it(rates):
    layers = [a_layer(), a_layer("dw", weights=90_000), a_layer("elt", 0, 0)]
    assert milliseconds(slower(rates, 1.7), layers, "int8") == pytest.approx(1.7 * milliseconds(rates, layers, "int8"))
