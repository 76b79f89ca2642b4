"""A fresh process for every timing, profile or memory measurement, so that nothing of this one disturbs it.

Starting one takes 0.2 s, so the next is started ahead and waits, imported and idle, for its one job (45 MB). It ends
with this process, because its input closes then, and it is never used twice.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edgekit.core.errors import MeasureError
from edgekit.core.progress import Progress, silent
from edgekit.measure.session import refusal

PROGRAM = Path(__file__).with_name("_timer.py")
SILENCE_SECONDS = 120.0  # without a word from the child: it opens a file or runs it once within this, or never
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Child:
    """A started process and the file that takes what it complains about."""

    process: subprocess.Popen
    complaints: IO[bytes]


_standby: Child | None = None
_standby_owner = 0  # the process id that may use it: a fork of this process may not
_standby_lock = threading.Lock()


def run(job: dict[str, Any], progress: Progress = silent, what: str = "measuring") -> Any:
    """Have a fresh process do a job of `_timer.py`, and return its result.

    Args:
        job: what `_timer.py` understands; its "paths" are named in errors.
        progress: called at least every 50 ms; what it raises ends the child.

    Raises:
        MeasureError: a file cannot be run, or the child crashed or fell silent.
    """
    child = _take()
    try:
        return _result(child, job | {"paths": [str(path) for path in job["paths"]]}, progress, what)
    finally:
        _end(child)


def stand_by() -> None:
    """Start the process that the next job will use, unless it waits already. Returns at once."""
    global _standby, _standby_owner
    with _standby_lock:
        if _standby_owner != os.getpid():
            _standby, _standby_owner = None, os.getpid()
        if _standby is not None and _standby.process.poll() is not None:
            _end(_standby)
            _standby = None
        _standby = _standby or _start()


@atexit.register
def dismiss() -> None:
    """End the waiting process, if there is one."""
    if child := _waiting():
        _end(child)


def _waiting() -> Child | None:
    """The waiting process, which nobody else will get now."""
    global _standby
    with _standby_lock:
        child, _standby = _standby, None
    return child if child is not None and _standby_owner == os.getpid() else None


def _take() -> Child:
    child = _waiting()
    if child is not None and child.process.poll() is not None:
        _end(child)
        child = None
    return child or _start()


def _start() -> Child:
    """With `-I`, whatever the environment and the working folder hold, the child runs the same."""
    folders = {str(Path(importlib.util.find_spec(name).origin).parents[1]) for name in ("numpy", "onnxruntime")}
    complaints = tempfile.TemporaryFile()  # noqa: SIM115  (`_end` closes it)
    process = subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(PROGRAM), *sorted(folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        encoding="utf-8",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    return Child(process, complaints)


def _result(child: Child, job: dict[str, Any], progress: Progress, what: str) -> Any:
    """Send the job, pass on progress, and wait for the result."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(child.process.stdout, lines), name="timer", daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # it is dead: the end of its output says so below
        child.process.stdin.write(json.dumps(job) + "\n")
        child.process.stdin.flush()
    fraction, heard = 0.0, time.monotonic()
    while True:
        progress(fraction, what)
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise _silence(job) from None
            continue
        if not line:
            raise _crash(child, job)
        heard, message = time.monotonic(), json.loads(line)
        if "result" in message:
            return message["result"]
        if "error" in message:
            raise refusal(Path(message["path"]), message["error"], message["text"])
        fraction = message.get("progress", fraction)


def _read(stream: IO[str], lines: queue.SimpleQueue) -> None:
    """Every line, and an empty one at the end."""
    with contextlib.suppress(ValueError):  # closed by `_end` while we read
        for line in stream:
            lines.put(line)
    lines.put("")


def _end(child: Child) -> None:
    """Stop it if it still runs, and leave no zombie, pipe or file."""
    child.process.kill()
    child.process.wait()
    for stream in (child.process.stdin, child.process.stdout, child.complaints):
        with contextlib.suppress(BrokenPipeError):  # closing flushes, into a pipe that nobody reads any more
            stream.close()


def _crash(child: Child, job: dict[str, Any]) -> MeasureError:
    code = child.process.wait()
    ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    child.complaints.seek(0)
    words = child.complaints.read().decode(errors="replace").strip().splitlines()
    return MeasureError(
        f"the process that runs {_names(job)} must end with a result, but it ended with {ended}"
        f"{f' ({words[-1]})' if words else ''}. "
        "Most often memory ran out: close other programs, or take a smaller file."
    )


def _silence(job: dict[str, Any]) -> MeasureError:
    return MeasureError(
        f"opening or running {_names(job)} once must take less than {SILENCE_SECONDS:.0f} s, but it did not end. "
        "Take a smaller file, or a faster machine."
    )


def _names(job: dict[str, Any]) -> str:
    return " and ".join(dict.fromkeys(Path(path).name for path in job["paths"]))
