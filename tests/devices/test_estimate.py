"""Estimates: what they name, when their bands widen, and when there is none."""

import dataclasses

import pytest

from edgekit.core.errors import SettingError
from edgekit.core.measurement import Measurement, Origin
from edgekit.devices.articles import beside, network
from edgekit.devices.catalog import calibrations, devices, published
from edgekit.devices.energy import BATTERIES, charges, energy, watts
from edgekit.devices.estimate import estimate, estimates
from edgekit.devices.read import read
from tests.devices.graphs import attention, integers, residual

RESNET50, RESNET50_INT8 = network("resnet50", "fp32"), network("resnet50", "int8")


def test_the_catalog_says_of_every_device_where_its_numbers_are_from():
    assert len(devices()) == 19
    assert all(one.provenance and one.runtimes for one in devices().values())
    assert all(one.power.source if one.power else one.no_power for one in devices().values())


def test_published_measurements_are_all_here_with_their_sources():
    assert len(published()) == 1862  # of 1,863 rows, all that name a latency
    assert all(row.source for row in published())


def test_every_calibration_is_of_a_device_and_says_how_far_off_it_was():
    assert set(calibrations()) <= set(devices())
    for each in (one for several in calibrations().values() for one in several):
        assert each.networks >= 4
        assert 0 < each.error < 1
        assert each.band > 1
        assert each.source


def test_an_estimate_is_marked_as_one_and_names_device_runtime_and_precision():
    found = estimate(RESNET50, "raspberry-pi-4")
    assert found.latency_ms.origin is Origin.ESTIMATED
    assert found.latency_ms.device == "Raspberry Pi 4 Model B, ncnn, 4 threads, fp32"
    assert "fitted to 26 networks" in found.latency_ms.how
    assert found.latency_ms.low < found.latency_ms.value < found.latency_ms.high
    assert sum(found.parts.values()) == pytest.approx(found.latency_ms.value)


def test_a_known_network_lands_near_what_was_published_of_it():
    row = next(r for r in published() if r.device.startswith("Raspberry Pi 4B") and r.model == "resnet50" and
               (r.threads, r.precision) == (4, "fp32"))  # fmt: skip
    found = estimate(RESNET50, "raspberry-pi-4").latency_ms.value
    assert found == pytest.approx(row.latency_ms, rel=0.25)  # that row is of Caffe's variant, with 6 % less to do


def test_there_is_one_for_every_device_or_a_reason():
    for found in estimates(RESNET50_INT8):
        assert (found.latency_ms is None) == bool(found.why_not), found.device.id


def test_another_runtime_than_the_rates_are_of_makes_the_band_twice_as_wide():
    ours, other = (estimate(RESNET50, "raspberry-pi-4", runtime=name) for name in ("ncnn", "ONNX Runtime"))
    assert other.band == pytest.approx(2 * ours.band)
    assert other.notes == ("rates of ncnn stand for ONNX Runtime: the band is 2 × as wide",)
    assert "ONNX Runtime" in other.target


def test_another_devices_rates_make_the_band_twice_as_wide():
    found = estimate(RESNET50, "snapdragon-865")
    best = min(c.band for c in calibrations()["snapdragon-865"] if (c.precision, c.threads) == ("fp16", 4))
    assert found.band == pytest.approx(2 * best)
    assert "855+" in found.notes[0]


def test_a_network_far_smaller_than_any_of_the_fit_makes_it_wider_too(tmp_path):
    found = estimate(residual(tmp_path / "small.onnx"), "raspberry-pi-4")
    assert "rates were fitted to networks of" in found.notes[0]


def test_more_threads_are_taken_unless_fewer_are_asked_for():
    assert estimate(RESNET50, "raspberry-pi-4").threads == 4
    one = estimate(RESNET50, "raspberry-pi-4", threads=1)
    assert one.latency_ms.value > 2 * estimate(RESNET50, "raspberry-pi-4").latency_ms.value
    with pytest.raises(SettingError) as refused:
        estimate(RESNET50, "raspberry-pi-4", threads=3)
    assert str(refused.value) == "raspberry-pi-4 has no rates for 3 threads. There are: 1, 4."


def test_a_transformer_is_not_calibrated(tmp_path):
    found = estimate(attention(tmp_path / "attention.onnx"), "raspberry-pi-4")
    assert found.latency_ms is None
    assert found.why_not == "not calibrated for transformers: too few of them were published"


def test_the_edge_tpu_takes_integers_only_and_names_what_is_not(tmp_path):
    found = estimate(residual(tmp_path / "floats.onnx"), "coral-edge-tpu")
    assert (found.latency_ms, found.why_not) == (None, "takes INT8 only; this file computes in fp32")
    assert found.refused == ("takes INT8 only: a, b, fc compute in fp32",)
    assert estimate(RESNET50_INT8, "coral-edge-tpu").refused == ()


def test_an_accelerators_time_splits_into_transfer_and_compute():
    found = estimate(RESNET50_INT8, "coral-edge-tpu").parts
    assert found["transfer"] > found["compute"] > 0  # 25 MB of weights do not stay in its 7 MB


def test_a_device_that_does_not_exist_is_refused_by_name():
    with pytest.raises(SettingError) as refused:
        estimate(RESNET50, "raspberry-pi-44")
    assert str(refused.value) == "no device 'raspberry-pi-44'. Did you mean 'raspberry-pi-4'?"


def test_what_does_not_fit_is_said_with_the_layer_at_the_peak(tmp_path):
    small = read(integers(tmp_path / "integers.onnx"))
    assert estimate(small, "stm32l4r5").room.fits
    large = dataclasses.replace(small, bytes=3_000_000, peak=dataclasses.replace(small.peak, bytes=700_000))
    assert estimate(large, "stm32l4r5").room.problems == [
        "needs 700 kB of RAM and there are 640 kB; activations are largest at conv",
        "needs 3.00 MB of flash and there are 2.00 MB",
    ]
    assert estimate(large, "raspberry-pi-4").room.fits


def test_a_microcontroller_reads_weights_from_flash_and_others_hold_them_in_ram():
    assert estimate(RESNET50_INT8, "stm32n6").room.ram_bytes == 0  # this one has no activations counted
    assert estimate(RESNET50_INT8, "raspberry-pi-4").room.ram_bytes == RESNET50_INT8.weight_bytes


def test_energy_is_active_power_times_time_with_both_bands():
    found = estimate(RESNET50, "raspberry-pi-4")
    assert found.energy_mj.value == pytest.approx(6.4 * found.latency_ms.value)
    assert found.energy_mj.high / found.energy_mj.value > found.band
    assert found.energy_mj.origin is Origin.ESTIMATED


def test_no_power_data_means_no_number():
    assert estimate(RESNET50, "jetson-nano").energy_mj is None
    assert "no wall measurement found" in devices()["jetson-nano"].no_power


def test_energy_of_a_family_of_boards_is_of_the_board_whose_power_was_measured():
    found = estimate(RESNET50_INT8, "stm32h7")
    assert "H747" in found.runtime
    assert "0.12676 W" in found.energy_mj.how
    assert found.energy_mj.value != pytest.approx(0.12676 * found.latency_ms.value)  # that of the H7A3, which is slower


def test_watts_are_idle_and_what_being_busy_adds():
    power = devices()["raspberry-pi-4"].power  # 2.9 W idle, 6.4 W at work
    assert watts(10, power, 50) == pytest.approx(2.9 + 0.5 * 3.5)
    assert watts(10, power, 101) is None  # cannot hold it
    assert watts(10, power.model_copy(update={"idle_w": None}), 50) is None


def test_a_battery_lasts_for_four_fifths_of_what_is_printed_on_it():
    time = Measurement(metric="latency_ms", value=10, low=5, high=20, origin=Origin.ESTIMATED)
    power = devices()["raspberry-pi-4"].power.model_copy(update={"factor": 1.0})
    found = energy(time, power)  # 64 mJ, between 32 and 128
    value, low, high = charges(found, BATTERIES["18650"])
    assert value == pytest.approx(0.8 * 38880 / 0.064)
    assert (low, high) == pytest.approx((value / 2, value * 2))


def test_too_few_published_networks_are_scaled_only_a_little():
    near = estimate(RESNET50, "iphone-14-pro")
    assert near.band == pytest.approx(2.5)
    assert near.rows[0].model == "ResNet50"
    tiny = dataclasses.replace(RESNET50, layers=RESNET50.layers[-3:])
    far = estimate(tiny, "iphone-14-pro")
    assert far.latency_ms is None
    assert far.why_not.endswith("but none of this precision is within 4 × its multiply-accumulates")


def test_the_nearest_published_rows_are_of_the_same_board_and_precision():
    for row in estimate(RESNET50_INT8, "raspberry-pi-4").rows:
        assert (row.device.split(" (")[0], row.precision, row.threads) == ("Raspberry Pi 4B", "int8", 4)


def test_articles_ratios_stand_beside_ours_and_the_pi_is_within_our_band():
    rows = beside()
    pi, coral = rows[0], rows[1]
    assert pi.estimate.latency_ms.low < pi.claim.latency_ms < pi.estimate.latency_ms.high
    assert coral.said == pytest.approx(850 / 45)
    assert coral.ours == pytest.approx(pi.estimate.latency_ms.value / coral.estimate.latency_ms.value)
    assert all(row.estimate.rows for row in rows)
