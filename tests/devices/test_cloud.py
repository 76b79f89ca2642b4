"""The card of on-device against cloud, and the whole way on another device."""

import pytest

from edgekit.core.measurement import Measurement, Origin
from edgekit.devices.around import elsewhere
from edgekit.devices.cloud import Assumptions, in_cloud, on_device


def test_the_cloud_takes_the_way_there_the_sending_and_its_own_time():
    found = in_cloud(Assumptions(round_trip_ms=50, upload_mbit=8, server_ms=5, payload_kb=100, dollars_per_1000=2))
    assert found.milliseconds == pytest.approx(50 + 100 + 5)  # 100 kB at 8 Mbit/s are 100 ms
    assert (found.bytes_out, found.dollars) == (100_000, 2000)


def test_on_the_device_nothing_leaves_and_electricity_is_what_it_costs():
    found = on_device(20, 3600, Assumptions(dollars_per_kwh=0.5))  # 3.6 J each: a million are 1 kWh
    assert (found.milliseconds, found.bytes_out) == (20, 0)
    assert found.dollars == pytest.approx(0.5)
    assert on_device(20, None, Assumptions()).dollars is None


def a_time(value: float, low: float, high: float, origin=Origin.ESTIMATED) -> Measurement:
    return Measurement(metric="latency_ms", value=value, low=low, high=high, origin=origin, device="board")


def test_what_is_around_the_network_slows_down_as_the_network_does_on_one_thread():
    here = {"decode": a_time(2, 2, 2, Origin.MEASURED), "run": a_time(1, 1, 1, Origin.MEASURED)}
    found = elsewhere(here, one_thread=a_time(10, 8, 12.5), there=a_time(4, 3, 5))
    assert found["decode"].value == pytest.approx(20)
    assert found["decode"].high == pytest.approx(20 * 2 * 1.25)
    assert found["decode"].origin is Origin.ESTIMATED
    assert found["run"].value == 4
