"""Results that came back: only whole and unchanged ones of known files are taken."""

import json

import pytest

from edgekit.core.errors import MeasureError
from edgekit.devices import own
from edgekit.devices.bench import checksum
from edgekit.devices.estimate import estimate
from edgekit.devices.read import read
from edgekit.devices.result import parse
from edgekit.store.store import Store
from tests.devices.boards import a_result, two_runs

pytestmark = pytest.mark.usefixtures("own_store")
AGAIN = "Run bench.py again, and bring back the file that it writes."
SHA = "a" * 64


def resealed(data: bytes, **changes) -> bytes:
    """Changed by somebody who also made the checksum anew."""
    found = {name: value for name, value in (json.loads(data) | changes).items() if value is not None}
    return json.dumps(found | {"checksum": checksum(found)}).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no json", f"a result must be the JSON that bench.py writes, but this is no JSON. {AGAIN}"),
        (b"[1]", f"a result must be of the format edgekit-device-result/1; this names none. {AGAIN}"),
        (
            b'{"format": "other/2"}',
            f"a result must be of the format edgekit-device-result/1; this is of 'other/2'. {AGAIN}",
        ),
        (b"{}", f"a result must be of the format edgekit-device-result/1; this names none. {AGAIN}"),
        (b"[" * 100_000, f"a result must be the JSON that bench.py writes, but this is no JSON. {AGAIN}"),
        (
            resealed(a_result({SHA: 5}), runtime={}),
            f"a result must be whole; of this, runtime.name: field required. {AGAIN}",
        ),
        (
            resealed(a_result({SHA: 5}), threads=None),
            f"a result must be whole; of this, threads: field required. {AGAIN}",
        ),
        (
            a_result({SHA: 5}).replace(b'"threads": 4', b'"threads": 1'),
            f"a result must be as bench.py wrote it, but its checksum no longer holds. {AGAIN}",
        ),
        (a_result({SHA: -5}), f"every time of a result must be above 0 ms and finite; some here are not. {AGAIN}"),
        (a_result({SHA: 5}).replace(b"-22T", b""), None),
        (a_result({SHA: 5})[:-200], f"a result must be the JSON that bench.py writes, but this is no JSON. {AGAIN}"),
    ],
    ids=["text", "list", "foreign", "empty", "deep", "no runtime", "partial", "tampered", "impossible", "date", "cut"],
)
def test_what_cannot_be_trusted_is_refused_in_a_sentence(data, words):
    with pytest.raises(MeasureError) as refused:
        parse(data)
    assert words is None or str(refused.value) == words


def test_a_result_of_other_files_is_refused(tmp_path):
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        with pytest.raises(MeasureError) as refused:
            own.add(a_result({SHA: 5}), run, store)
    assert str(refused.value) == (
        "a result must time the file of this run, but it is of others (0.onnx). "
        "Choose the run that the kit was made of, or make a kit of this one."
    )


def test_a_board_of_another_family_of_processors_is_not_taken_for_that_device(tmp_path):
    laptop = {"cpu": "A laptop's", "architecture": "x86_64", "system": "Linux", "cores": 8}
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        point = own.add(a_result({run.artifact.sha256: 5}, machine=laptop), run, store)
        assert (point.device, own.recalibrated(store)) == ("", [])


def test_the_same_board_again_replaces_what_it_said_before(tmp_path):
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        for ms in (5, 3):
            own.add(a_result({run.artifact.sha256: ms}), store.get(run.id), store)
        own.add(a_result({run.artifact.sha256: 9}, board="Another"), store.get(run.id), store)
        boards = store.get(run.id).boards
    assert [(one.board, round(one.latency.value)) for one in boards] == [
        ("Raspberry Pi 4 Model B Rev 1.4", 3), ("Another", 9),
    ]  # fmt: skip
    assert boards[0].ratio is None


def test_a_result_that_is_forgotten_leaves_the_charts_and_the_estimates(tmp_path):
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        own.add(a_result({run.artifact.sha256: 5}), run, store)
        own.add(a_result({run.artifact.sha256: 9}, board="Another"), store.get(run.id), store)
        run = store.get(run.id)
        own.forget(run.boards[0], run, store)
        assert [one.board for one in store.get(run.id).boards] == ["Another"]
        assert [one.calibration.measured_on for one in own.recalibrated(store)] == ["Another"]


def test_a_board_that_is_slower_by_one_factor_is_estimated_right_afterwards(tmp_path):
    with Store.open(tmp_path / "store") as store:
        base, run = two_runs(store, tmp_path / "files")
        files = {one.artifact.sha256: read(store.file(one.artifact.sha256)) for one in (base, run)}
        truth = {sha: 2.5 * estimate(file, "raspberry-pi-4", threads=4).latency_ms.value for sha, file in files.items()}
        own.add(a_result(truth), run, store)
        mended = {one.calibration.precision: one for one in own.recalibrated(store)}
        again = [estimate(file, "raspberry-pi-4", own=own.own(store)) for file in files.values()]
    assert {name: one.factor for name, one in mended.items()} == pytest.approx({"fp32": 2.5, "int8": 2.5}, rel=0.01)
    assert all(one.before == pytest.approx(1 - 1 / 2.5, rel=0.01) for one in mended.values())
    assert [one.latency_ms.value for one in again] == pytest.approx(list(truth.values()), rel=0.01)
    assert all(one.runtime == "ONNX Runtime" and not one.notes for one in again)


def test_the_error_afterwards_is_of_each_file_by_what_the_others_say(tmp_path):
    with Store.open(tmp_path / "store") as store:
        base, run = two_runs(store, tmp_path / "files")
        files = [read(store.file(one.artifact.sha256)) for one in (base, run)]
        ours = [estimate(file, "raspberry-pi-4", threads=4).latency_ms.value for file in files]
        own.add(a_result({files[0].sha256: 2 * ours[0], files[1].sha256: 4 * ours[1]}), run, store)
        mended = {one.calibration.precision: one for one in own.recalibrated(store)}
    assert mended["fp32"].after == pytest.approx(
        1.0, rel=0.01
    )  # by the integers' factor of 4 it would take twice as long
    assert mended["int8"].after == pytest.approx(0.5, rel=0.01)  # by the floats' factor of 2, half
    assert mended["fp32"].calibration.band == pytest.approx(2.0, rel=0.01), (
        "as far as it was off, though ours is narrower"
    )


def test_a_single_file_tells_no_error_afterwards_and_keeps_its_band(tmp_path):
    with Store.open(tmp_path / "store") as store:
        base, _ = two_runs(store, tmp_path / "files")
        own.add(a_result({base.artifact.sha256: 10.0}), base, store)
        (mended,) = own.recalibrated(store)
        again = estimate(read(store.file(base.artifact.sha256)), "raspberry-pi-4", own=own.own(store))
    assert mended.after is None
    assert mended.calibration.band > 1.1
    assert "scaled to 1 file that Raspberry Pi 4 Model B Rev 1.4 timed; 80 % band" in again.latency_ms.how
