"""The process of a converter: it refuses in words, a crash is said, Cancel ends it, and nothing is left of it."""

import os
import sys
import time

import numpy as np
import pytest

from edgekit.core.errors import Cancelled, ExportError
from edgekit.export.child import Child
from tests.measure.graphs import chain


def child() -> Child:
    return Child(sys.executable, "ort", "ORT")


def gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_opens_answers_and_times(tmp_path):
    path, inputs = chain(tmp_path / "chain.onnx", 1, width=4), np.ones((3, 4), np.float32)
    np.save(tmp_path / "in.npy", inputs)
    with child() as runtime:
        assert runtime.ask({"do": "open", "path": str(path), "threads": 1})["version"].startswith("ONNX Runtime ")
        runtime.ask(
            {"do": "answer", "inputs": str(tmp_path / "in.npy"), "outputs": str(tmp_path / "out.npy"), "batch": 1}
        )
        found = runtime.ask({"do": "time", "inputs": str(tmp_path / "in.npy"), "runs": 5, "untimed": 1})
    assert np.load(tmp_path / "out.npy").shape == (3, 4)
    assert len(found["times"]) == 5
    assert min(found["times"]) > 0


def test_what_it_refuses_is_said_in_its_own_words(tmp_path):
    with child() as runtime, pytest.raises(ExportError, match=r"^ORT refused: NoSuchFile: .*nowhere\.onnx"):
        runtime.ask({"do": "open", "path": str(tmp_path / "nowhere.onnx"), "threads": 1})


def test_a_crash_is_said():
    runtime = child()
    runtime._process.kill()
    with runtime, pytest.raises(ExportError, match=r"^ORT ended with signal SIGKILL"):
        runtime.ask({"do": "open", "path": "x.onnx", "threads": 1})


def test_cancel_ends_the_process():
    def cancel(fraction: float, what: str) -> None:
        raise Cancelled("stopped")

    started = time.monotonic()
    with child() as runtime, pytest.raises(Cancelled):
        runtime.ask({"do": "open", "path": "x.onnx", "threads": 1}, cancel)
    assert gone(runtime._process.pid)
    assert time.monotonic() - started < 5


def test_it_ends_when_its_input_closes():
    with child() as runtime:
        runtime._process.stdin.close()
        assert runtime._process.wait(20) == 0
