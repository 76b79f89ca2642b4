"""No file can crash, stall or fill the process that asks what is in it: it gets facts, or a sentence."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest

from edgekit.core.errors import Cancelled, ModelError
from edgekit.models.confined import Answer
from edgekit.models.facts import Facts, Limits, Port
from edgekit.models.quarantine import examine
from edgekit.models.recognise import SNIPPET
from tests.techniques.graphs import matrix, residual

ROOT = Path(__file__).resolve().parents[2]
unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows limits neither memory nor processor time")
macos = pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit memory")
ENDLESS = """
<ir_version: 10, opset_import: ["" : 21]>
endless (float[n] input) => (float[n] output) {
    times = Constant <value = int64 {4611686018427387904}> ()
    yes = Constant <value = bool {1}> ()
    output = Loop <body = again (int64 i, bool go, float[n] a) => (bool on, float[n] b) {
        on = Identity(go)
        b = Neg(a)
    }> (times, yes, input)
}
"""
HUGE = """
<ir_version: 10, opset_import: ["" : 21]>
huge (float[n] input) => (float[n] output) {
    size = Constant <value_ints = [400000000]> ()
    zeros = ConstantOfShape(size)
    sum = ReduceSum <keepdims = 0> (zeros)
    output = Add(input, sum)
}
"""


def saved(path: Path, graph: onnx.ModelProto | str) -> Path:
    onnx.save(onnx.parser.parse_model(graph) if isinstance(graph, str) else graph, path)
    return path


def refusal(path: Path, **limits: float) -> str:
    with pytest.raises(ModelError) as caught:
        examine(path, Limits(**limits))
    return str(caught.value)


def children(path: Path) -> list[psutil.Process]:
    """The processes that this one started to open a file."""
    return [one for one in psutil.Process().children() if str(path) in one.cmdline()]


@pytest.fixture
def endless(tmp_path):
    return saved(tmp_path / "endless.onnx", ENDLESS)


def test_a_sound_file_is_described_and_has_run(tmp_path):
    found = examine(saved(tmp_path / "residual.onnx", residual()))
    assert found.inputs == (Port(name="input", dtype="float32", shape=(None, 3, 8, 8)),)
    assert (found.operators["Conv"], found.nodes, found.params, found.opset) == (3, 11, 1437, 21)
    assert (found.runs, found.why_not) == (True, "")


def test_a_file_that_does_not_run_is_described_with_the_reason(tmp_path):
    graph = matrix(np.ones((5, 4)))
    graph.graph.node[0].input[0] = "output"
    found = examine(saved(tmp_path / "cycle.onnx", graph))
    assert (found.runs, found.why_not) == (False, "This is an invalid model. Error: the graph is not acyclic")


def test_what_the_check_refuses_comes_back_as_it_was_said(tmp_path):
    graph = matrix(np.ones((5, 4)))
    graph.graph.node[0].domain = "evil"
    assert refusal(saved(tmp_path / "library.onnx", graph)) == (
        "every operator must be one that ONNX Runtime has itself, or a function in the file, but the file needs "
        "'evil.Gemm'. EdgeKit loads no libraries of operators: export with ordinary ones."
    )


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    path = tmp_path / "none.onnx"
    assert refusal(path) == f"the file to open must exist, but there is none at {path}. Choose it again."


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file that nobody can read")
def test_a_file_that_cannot_be_read_is_said_so():
    assert refusal(Path("/proc/self/mem")) == (
        "mem must be a file that can be read, but the system says: Input/output error. "
        "Check whose it is and where it lies."
    )


def test_a_file_that_is_too_large_is_refused_whatever_it_holds(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on disk
    assert refusal(path) == ("large.onnx must be at most 512.0 MB large, but it is 1024.0 GB. Take a smaller network.")


def test_a_pickle_is_refused_with_the_reason_and_a_way_to_export_and_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "it ran"),)

    path = tmp_path / "network.onnx"
    path.write_bytes(pickle.dumps(Evil()))
    assert refusal(path) == (
        "network.onnx must be an ONNX file, but it looks like a pickle. Opening one can run any code that somebody put "
        f"into it. Export the network to ONNX instead:\n\n{SNIPPET}"
    )
    assert [one.name for one in tmp_path.iterdir()] == ["network.onnx"]


@unix
def test_a_loop_without_end_is_stopped_by_its_processor_time(endless):
    assert refusal(endless, cpu_seconds=1) == (
        "opening endless.onnx and running it once must take at most 1 seconds of processor time, but it took more. "
        "Take a smaller network, or one without endless loops."
    )


def test_a_loop_without_end_is_stopped_by_the_clock_and_leaves_no_process(endless):
    assert refusal(endless, wall_seconds=1.5) == (
        "opening endless.onnx and running it once must take at most 1.5 seconds, but it did not end. "
        "Take a smaller network, or one without endless loops."
    )
    assert children(endless) == []


@unix
@macos
def test_a_file_that_wants_more_memory_than_it_may_have_is_refused(tmp_path):
    path = saved(tmp_path / "huge.onnx", HUGE)
    assert refusal(path, memory_bytes=2**30) == (
        "opening the file must take at most 1.0 GB of memory, but it takes more. Take a smaller network."
    )


@unix
@pytest.mark.parametrize(
    ("number", "told"),
    [
        (
            "SIGSEGV",
            "ONNX Runtime must be able to open endless.onnx, but it crashed on it (signal SIGSEGV). It is damaged, or "
            "made to do harm: export it again.",
        ),
        (
            "SIGKILL",
            "opening endless.onnx must leave this machine enough memory, but the system had to stop it. "
            "Close other programs, or take a smaller network.",
        ),
    ],
)
def test_a_crash_ends_only_the_process_that_opened_the_file(endless, number, told):
    caught = []
    asking = threading.Thread(target=lambda: caught.append(refusal(endless)))
    asking.start()
    while not (started := children(endless)):
        time.sleep(0.01)
    started[0].send_signal(getattr(signal, number))
    asking.join()
    assert caught == [told]


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_ends_without_an_answer_crashed_whatever_it_says_of_itself(tmp_path, monkeypatch, code):
    path = saved(tmp_path / "residual.onnx", residual())
    (tmp_path / "onnxruntime.py").write_text(f"import os; os._exit({code})")
    monkeypatch.syspath_prepend(tmp_path)
    assert refusal(path) == (
        f"ONNX Runtime must be able to open residual.onnx, but it crashed on it (exit code {code}). It is damaged, or "
        "made to do harm: export it again."
    )


def test_what_a_library_prints_is_no_part_of_the_answer(tmp_path, monkeypatch):
    path = saved(tmp_path / "residual.onnx", residual())
    (tmp_path / "onnxruntime.py").write_text("print('a warning'); raise MemoryError")
    monkeypatch.syspath_prepend(tmp_path)
    assert refusal(path).startswith("opening the file must take at most 4.0 GB of memory")


def test_names_that_would_flood_the_answer_are_refused(tmp_path):
    graph = matrix(np.ones((5, 4)))
    graph.graph.output[0].name = graph.graph.node[0].output[0] = "n" * 2**22
    assert refusal(saved(tmp_path / "long.onnx", graph)) == (
        "the names of inputs, outputs and operators must take less than 4.0 MB, but they take more. It is damaged, or "
        "made to do harm: export it again."
    )


def test_cancelling_ends_the_process_within_a_moment(endless):
    def cancel(fraction: float, what: str) -> None:
        assert what == "opening endless.onnx in a process of its own"
        if children(endless):
            raise Cancelled

    started = time.monotonic()
    with pytest.raises(Cancelled):
        examine(endless, progress=cancel)
    assert time.monotonic() - started < 100  # it would go on for two minutes of processor time
    assert children(endless) == []


def test_the_process_prints_one_line_and_runs_the_same_code_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "onnx.py").write_text("raise SystemExit('the working folder is not to be trusted')")
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "residual.onnx", residual())
    assert isinstance(examine(Path(path.name)), Facts)
    command = [sys.executable, "-m", "edgekit.models.quarantine", path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)
    assert Facts.model_validate(Answer.model_validate_json(done.stdout).found) == examine(path)


def test_asking_loads_neither_onnx_nor_torch():
    code = (
        "import sys, edgekit.models.quarantine\nprint({'onnx', 'onnxruntime', 'torch', 'streamlit'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "set()\n"
