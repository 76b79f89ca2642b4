"""Opens a file that somebody brought where it can do no harm: in a process of its own, with limits.

Whatever happens there, a crash, an endless loop or a lack of memory, ends that process and not the one that asked.
Limits on memory, processor time and written files are the system's, which Windows does not have: there only the clock,
and what the module refuses that opens the file, guard against a hostile one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel

from edgekit.core.errors import ModelError
from edgekit.core.progress import Progress, silent
from edgekit.models.facts import Limits
from edgekit.models.recognise import Kind, kind

try:
    import resource
except ImportError:  # Windows has none
    resource = None

ANSWER_BYTES = 2**22  # the longest answer that is read: its names may be as long as the file
FILE_COPIES = 6  # as bytes, decoded, again by ONNX Runtime, its weights, these packed for its kernels, and one to spare
NICENESS = 10
POLL_SECONDS = 0.02
_DAMAGED = "It is damaged, or made to do harm: export it again."


class Answer(BaseModel, frozen=True):
    """What the process prints: what it found, or what a person should know instead."""

    found: dict[str, Any] | None = None
    error: str = ""


def kind_of(path: Path, limits: Limits) -> Kind:
    """What a file looks like, once it is known to be there and not too large.

    Raises:
        ModelError: there is no such file, it cannot be read, or it is larger than the limits.
    """
    if not path.is_file():
        raise ModelError(f"the file to open must exist, but there is none at {path}. Choose it again.")
    try:
        held, found = path.stat().st_size, kind(path)
    except OSError as error:
        raise ModelError(
            f"{path.name} must be a file that can be read, but the system says: {error.strerror}. "
            "Check whose it is and where it lies."
        ) from None
    if held > limits.file_bytes:
        raise ModelError(
            f"{path.name} must be at most {_size(limits.file_bytes)} large, but it is {_size(held)}. "
            "Take a smaller network."
        )
    return found


def confined(module: str, path: Path, limits: Limits, progress: Progress = silent) -> dict[str, Any]:
    """What `python -m module FILE` finds in a file; that module's main calls `answer`.

    Args:
        progress: called at least every 20 ms; what it raises ends that process.

    Raises:
        ModelError: the file needs more than the limits, crashed the process, or is refused there.
    """
    with tempfile.TemporaryFile() as printed:
        code = _wait(_start(module, path, limits, printed), path, limits, progress)
        if code:
            raise _crash(path, limits, code)
        printed.seek(0)
        try:
            said = Answer.model_validate_json(printed.read(ANSWER_BYTES))
        except ValueError:  # none, or one that a file in control of that process made up
            raise _crash(path, limits, code) from None
    if said.found is None:
        raise ModelError(said.error)
    return said.found


def answer(opened: Callable[[Path, Limits], dict[str, Any]]) -> None:
    """In the process: confine it, open the file named on the command line, and print what came of it.

    Args:
        opened: what is found in a file, as JSON holds it. What it refuses it raises as a ModelError.
    """
    path = Path(sys.argv[1])
    limits = Limits.model_validate_json(sys.argv[2]) if len(sys.argv) > 2 else Limits()
    memory = limits.memory_bytes + FILE_COPIES * path.stat().st_size
    _confine(limits, memory)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no part of the answer
    try:
        said = Answer(found=opened(path, limits)).model_dump_json()
        if len(said) >= ANSWER_BYTES:
            raise ModelError(
                f"the names of inputs, outputs and operators must take less than {_size(ANSWER_BYTES)}, but they "
                f"take more. {_DAMAGED}"
            )
    except MemoryError:
        error = f"opening the file must take at most {_size(memory)} of memory, but it takes more. "
        said = Answer(error=error + "Take a smaller network.").model_dump_json()
    except ModelError as error:
        said = Answer(error=str(error)).model_dump_json()
    print(said, file=out, flush=True)


def _confine(limits: Limits, memory: int) -> None:
    """Take from this process what the file might use up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    with contextlib.suppress(OSError):  # only on Linux: where memory runs out, this process is the one to go
        Path("/proc/self/oom_score_adj").write_text("1000")
    if resource is None:
        return
    os.nice(NICENESS)
    most = {"CORE": 0, "FSIZE": ANSWER_BYTES, "CPU": limits.cpu_seconds, "AS": memory, "DATA": memory}
    for name, soft in most.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses it
            resource.setrlimit(which, (soft, hard))


def _start(module: str, path: Path, limits: Limits, answer: IO[bytes]) -> subprocess.Popen:
    """With `-P` and our own path, whatever the working folder holds, the child runs the same code as this process."""
    return subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", module, str(path.resolve()), limits.model_dump_json()],
        stdin=subprocess.DEVNULL,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
        | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )


def _wait(child: subprocess.Popen, path: Path, limits: Limits, progress: Progress) -> int:
    """Its exit code. Nothing of it is left behind, whatever happens."""
    started = time.monotonic()
    try:
        while True:
            passed = time.monotonic() - started
            if passed > limits.wall_seconds:
                raise ModelError(
                    f"opening {path.name} and running it once must take at most {limits.wall_seconds:g} seconds, but "
                    "it did not end. Take a smaller network, or one without endless loops."
                )
            progress(passed / limits.wall_seconds, f"opening {path.name} in a process of its own")
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(POLL_SECONDS)
    finally:
        child.kill()
        child.wait()


def _crash(path: Path, limits: Limits, code: int) -> ModelError:
    """What an exit code, or the negative number of a signal, means."""
    if resource and code == -signal.SIGXCPU:
        return ModelError(
            f"opening {path.name} and running it once must take at most {limits.cpu_seconds} seconds of processor "
            "time, but it took more. Take a smaller network, or one without endless loops."
        )
    if resource and code == -signal.SIGKILL:
        return ModelError(
            f"opening {path.name} must leave this machine enough memory, but the system had to stop it. "
            "Close other programs, or take a smaller network."
        )
    ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return ModelError(f"ONNX Runtime must be able to open {path.name}, but it crashed on it ({ended}). {_DAMAGED}")


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.1f} MB"
