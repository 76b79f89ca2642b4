"""A verb of the command line in a process of its own: what it takes of memory is given back whole when it ends.

The server adds large models this way: a network that is read, rebuilt and tried takes several times its file.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import edgekit
from edgekit.core.errors import EdgeKitError
from edgekit.core.progress import Progress

POLL_SECONDS = 0.1


def apart(words: list[str], progress: Progress) -> dict:
    """Run `python -m edgekit WORDS --json` and return what it prints.

    Args:
        progress: told what the process tells, and called every POLL_SECONDS; what it raises ends the process.

    Raises:
        EdgeKitError: the verb was refused, in its own words, or the process crashed.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "edgekit", *words, "--json"],
        cwd=Path(edgekit.__file__).parents[1],
        env=os.environ | {"EDGEKIT_PROGRESS": "json"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    printed: list[str] = []
    readers = [
        threading.Thread(
            target=lambda: [told.put(line) for line in process.stderr], daemon=True, name="apart-progress"
        ),
        threading.Thread(target=lambda: printed.append(process.stdout.read()), daemon=True, name="apart-result"),
    ]
    for reader in readers:
        reader.start()
    try:
        last = _watched(process, told, progress)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()
    return _result("".join(printed), last, process.returncode, words)


def _watched(process: subprocess.Popen, told: queue.SimpleQueue, progress: Progress) -> str:
    """Pass on progress until the process ends; returns the last line that was none."""
    at, last = (0.0, "starting"), ""
    while process.poll() is None or not told.empty():
        progress(*at)
        with contextlib.suppress(queue.Empty):
            line = told.get(timeout=POLL_SECONDS).strip()
            try:
                found = json.loads(line)
                at = (found["progress"], found["what"])
            except (ValueError, KeyError, TypeError):
                last = line or last
    return last


def _result(printed: str, last: str, code: int, words: list[str]) -> dict:
    try:
        found = json.loads(printed)
    except ValueError:
        raise EdgeKitError(
            f"the process that does “{' '.join(words[:2])}” must end with a result, but it ended with exit code {code}"
            f"{f' ({last})' if last else ''}. Most often memory ran out: close other programs, or take a smaller file."
        ) from None
    if "error" in found:
        raise EdgeKitError(found["error"])
    return found
