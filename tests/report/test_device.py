"""A report's devices: what a board measured first, then what is estimated; nothing where the file is gone."""

from pathlib import Path

import pytest

from edgekit.core.measurement import Origin
from edgekit.devices.estimate import estimates
from edgekit.devices.own import add
from edgekit.report.device import elsewhere
from edgekit.store.store import Store
from tests.devices.boards import a_result, two_runs


@pytest.fixture
def store(own_store):
    with Store.open() as opened:
        yield opened


def test_every_device_with_an_estimate_is_a_row_with_its_band_and_source(store, tmp_path):
    _, run = two_runs(store, tmp_path)
    known = {one.device.name: one for one in estimates(Path(run.artifact.path)) if one.latency_ms}
    rows = {row.device: row for row in elsewhere(run, store)}
    assert rows.keys() == known.keys()
    pi = rows["Raspberry Pi 4 Model B"]
    assert pi.latency == known["Raspberry Pi 4 Model B"].latency_ms
    assert (pi.latency.origin, pi.fits) == (Origin.ESTIMATED, "fits")
    assert {name: row.energy for name, row in rows.items()} == {name: one.energy_mj for name, one in known.items()}
    assert pi.energy.origin is Origin.ESTIMATED


def test_what_a_board_took_comes_first_and_is_a_measurement(store, tmp_path):
    base, run = two_runs(store, tmp_path)
    add(a_result({base.artifact.sha256: 2.0, run.artifact.sha256: 1.0}), run, store)
    first = elsewhere(store.get(run.id), store)[0]
    assert first.device == "Raspberry Pi 4 Model B Rev 1.4"
    assert first.runtime == "ONNX Runtime 1.20.0, 4 threads"
    assert (first.latency.origin, first.latency.value) == (Origin.MEASURED, pytest.approx(1.0, rel=0.05))


def test_of_a_file_that_is_gone_nothing_is_said(store, tmp_path):
    _, run = two_runs(store, tmp_path)
    Path(run.artifact.path).unlink()
    assert elsewhere(run, store) == []
