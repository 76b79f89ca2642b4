"""A process that runs one script of scripts/ in whichever Python has its packages: JSON in, JSON out, arrays as files.

Converters and other runtimes crash, print and keep memory; none of that reaches this process.
"""

from __future__ import annotations

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
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edgekit.core.errors import ExportError
from edgekit.core.progress import Progress, silent

SERVE = Path(__file__).with_name("scripts") / "serve.py"
POLL_SECONDS = 0.05
SILENCE_SECONDS = 900.0  # without a word: the slowest converter tells something within this, or never


class Child:
    """Started at once; it ends with `close`, or with this process. One job at a time."""

    def __init__(self, python: str, script: str, title: str):
        self.title = title
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  (`close` closes it)
        folders = [str(Path(importlib.util.find_spec("numpy").origin).parents[1])] if python == sys.executable else []
        self._process = subprocess.Popen(
            [python, "-I", "-X", "utf8", str(SERVE), script, *folders],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=True,  # so that what a converter starts ends with it
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="export", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, job: dict[str, Any], progress: Progress = silent, what: str = "") -> Any:
        """Have it do a job of serve.py.

        Args:
            progress: called at least every 50 ms while it works; what it raises ends the process.
            what: it does, until it says so itself.

        Raises:
            ExportError: it was refused, crashed or fell silent.
        """
        with contextlib.suppress(BrokenPipeError):  # it is dead: the end of its output says so below
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        at, heard = (0.0, what or f"starting {self.title}"), time.monotonic()
        while True:
            progress(*at)
            try:
                line = self._lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise ExportError(
                        f"{self.title} must answer, but said nothing for {SILENCE_SECONDS:.0f} s."
                    ) from None
                continue
            if not line:
                raise self._crash()
            heard, message = time.monotonic(), json.loads(line)
            if "result" in message:
                return message["result"]
            if "error" in message:
                raise ExportError(f"{self.title} refused: {_short(message['error'])}")
            at = (message["progress"], message["what"])

    def close(self) -> None:
        """End it with all that it started, and leave no zombie, pipe or file."""
        end(self._process)
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _read(self) -> None:
        """Every line, and an empty one at the end."""
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put("")

    def _crash(self) -> ExportError:
        code = self._process.wait()
        ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        self._complaints.seek(0)
        words = self._complaints.read().decode(errors="replace").strip().splitlines()
        return ExportError(f"{self.title} ended with {ended}{f': {_short(words[-1])}' if words else ''}")


def end(process: subprocess.Popen) -> None:
    """End a process that leads a session of its own, with all that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _short(text: str) -> str:
    """A message of somebody else's, which may be pages long."""
    longest = 400
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"
