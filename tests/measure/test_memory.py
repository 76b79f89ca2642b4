"""Memory of a file: what a large one holds more than a small one."""

import pytest

from edgekit.core.errors import MeasureError
from edgekit.core.measurement import Origin
from edgekit.measure import child
from edgekit.measure.memory import peak_memory
from tests.measure.graphs import chain

MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    child.dismiss()


def test_64_megabytes_of_weights_take_at_least_64_megabytes_of_memory(tmp_path):
    small = peak_memory(chain(tmp_path / "small.onnx", 1, width=8))
    large = peak_memory(chain(tmp_path / "large.onnx", 1, width=4096))
    assert 64 * MEGABYTE <= large.value - small.value < 4 * 64 * MEGABYTE
    assert small.low <= small.value <= small.high
    assert small.value < 40 * MEGABYTE
    assert large.origin == Origin.MEASURED
    assert large.how.startswith("resident memory of 3 fresh processes, one sample, without the bare runtime")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MeasureError) as caught:
        peak_memory(tmp_path / "gone.onnx")
    assert str(caught.value) == (
        f"the file to measure must exist, but there is none at {tmp_path / 'gone.onnx'}. Make it again from its run."
    )
