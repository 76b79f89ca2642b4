"""The Devices page, as a person uses it: choose a file, read the table, look at one device, bring a result back."""

import pytest

from edgekit.core.measurement import Measurement, Origin
from edgekit.devices.energy import BATTERIES
from edgekit.devices.estimate import estimates
from edgekit.devices.read import read
from edgekit.measure.whole import STEPS
from edgekit.store.store import Store
from edgekit.ui import devices_way
from edgekit.ui.devices_chart import figure
from edgekit.ui.devices_seen import Seen
from edgekit.ui.devices_table import table
from tests.devices.boards import a_result, two_runs
from tests.pages import fine, opened

PAGE, CORAL = "pages/devices.py", "Google Coral Edge TPU (USB Accelerator / Dev Board)"
pytestmark = pytest.mark.usefixtures("own_store")


@pytest.fixture
def runs(tmp_path):
    with Store.open() as store:
        return two_runs(store, tmp_path / "files")


def seen(base, run) -> Seen:
    with Store.open() as store:
        files = [store.file(one.artifact.sha256) for one in (base, run)]
    before, after = (estimates(read(file)) for file in files)
    return Seen(run, files[1], files[0], after, before, [])


def test_the_page_is_about_the_newest_compressed_file_and_says_what_is_estimated(runs):
    app = fine(opened(PAGE))
    assert "Hollow marks are estimates" in app.caption[0].value
    assert [metric.label for metric in app.metric] == ["Latency, estimated", "Memory", "Energy, estimated"]
    assert app.selectbox(key="device").value == "raspberry-pi-4"


def test_another_device_can_be_looked_at_and_a_link_keeps_it(runs):
    app = fine(opened(PAGE, device=CORAL))
    assert app.selectbox(key="device").value == "coral-edge-tpu"
    assert not app.warning
    app = fine(opened(PAGE, device=CORAL, run=runs[0].id))  # the original is in floats
    assert [one.value for one in app.warning][0].startswith("Google Coral Edge TPU")
    assert "takes INT8 only" in app.warning[0].value


def test_at_first_the_budget_on_a_device_is_the_one_of_the_workbench(runs):
    app = fine(opened("pages/workbench.py", size="0.3", budget_device="STM32N6 (STM32N6570-DK, Neural-ART NPU)"))
    app.number_input(key="budget_device_latency").set_value(7.0).run()
    fine(app.switch_page(PAGE).run())
    assert app.selectbox(key="budget_device").value == "stm32n6"
    assert app.number_input(key="budget_device_latency").value == 7.0
    assert app.session_state["budget_seen"].size_bytes == 3e5, "which reports on other pages ask for, too"


def test_a_budget_on_a_device_is_asked_for_and_drawn(runs):
    app = fine(opened(PAGE))
    app.selectbox(key="budget_device").set_value("raspberry-pi-4").run()
    assert app.number_input(key="budget_device_latency").value == 30.0


def test_every_assumption_about_the_cloud_can_be_changed(runs):
    app = fine(opened(PAGE))
    app.number_input(key="cloud-round_trip_ms").set_value(500.0).run()
    assert any("Assumed: 500 ms of round trip" in caption.value for caption in fine(app).caption)


def test_estimates_are_hollow_and_what_was_measured_is_solid(runs):
    base, run = runs
    with Store.open() as store:
        from edgekit.devices import own

        own.add(a_result({run.artifact.sha256: 0.7, base.artifact.sha256: 1.0}), run, store)
        run = store.get(run.id)
    found = seen(base, run)
    drawn = {trace.name: trace for trace in figure(run, found.before, found.after).data}
    assert {name: trace.marker.symbol for name, trace in drawn.items()} == {
        "Original, estimated": "star-open", "This file, estimated": "circle-open",
        "Measured on a real device": "diamond", "Measured here": "circle",
    }  # fmt: skip
    point = drawn["Measured on a real device"]
    assert list(point.y) == ["Raspberry Pi 4 Model B"]
    assert point.customdata[0][0] == "Raspberry Pi 4 Model B Rev 1.4"
    bars = drawn["This file, estimated"].error_x
    assert all(width > 0 for width in (*bars.array, *bars.arrayminus))


def test_beyond_the_budget_the_line_of_that_device_is_shaded(runs):
    found = seen(*runs)
    (shade,) = figure(runs[1], found.before, found.after, ("Raspberry Pi 4 Model B", 0.5)).layout.shapes
    assert shade.x0 == 0.5
    assert shade.y1 - shade.y0 == 1


def test_the_table_has_a_row_for_every_device_and_no_number_without_data(runs):
    found = seen(*runs)
    drawn = table(found, BATTERIES["cr2032"], 30)
    rows = {name: {column: values[n] for column, values in drawn.items()} for n, name in enumerate(drawn["Device"])}
    assert len(rows) == 19
    pi = rows["Raspberry Pi 4 Model B"]
    assert "ncnn" in pi["Latency, estimated"]
    assert "mJ" in pi["Energy, before → after"]
    assert pi["Average at 30 a second"].endswith("W")
    assert "no power data" in rows["NVIDIA Jetson Nano 4GB"]["Energy, before → after"]
    assert rows["Analog Devices MAX78000"]["Energy, before → after"] == "–"
    assert "energy of two networks" in rows["Analog Devices MAX78000"]["Latency, estimated"]


def test_a_file_that_is_gone_is_said_in_a_sentence():
    from tests.factories import a_run

    with Store.open() as store:
        store.save(a_run())
    app = fine(opened(PAGE))
    assert "is not in the store" in app.info[0].value


def test_all_that_is_drawn_of_a_device_is_marked_as_estimated(runs):
    assert all(one.latency_ms.origin is Origin.ESTIMATED for one in seen(*runs).after if one.latency_ms)


def test_the_whole_way_is_solid_here_and_hollow_elsewhere(runs):
    def step(value: float, origin: Origin) -> Measurement:
        return Measurement(metric="latency_ms", value=value, low=value, high=value, origin=origin)

    steps = dict.fromkeys(STEPS, 1.0)
    bars = {
        "This computer, measured": {name: step(ms, Origin.MEASURED) for name, ms in steps.items()},
        "A board, estimated": {name: step(5 * ms, Origin.ESTIMATED) for name, ms in steps.items()},
    }
    for trace in devices_way.figure(bars).data:
        assert list(trace.x) == [1.0, 5.0]
        assert trace.marker.color[1] == "rgba(0, 0, 0, 0)" != trace.marker.color[0]
