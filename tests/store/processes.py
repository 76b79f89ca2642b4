"""Second processes for tests of the store: real ones, which hold locks, hit limits and get killed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(code: str, *arguments: object, wrapper: tuple[str, ...] = ()) -> subprocess.Popen:
    """Run Python code in a process of its own, and return once it has printed a first line."""
    command = [*wrapper, sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.first_line = process.stdout.readline().strip()
    return process


def end(process: subprocess.Popen, *, kill: bool = False) -> str:
    """End a process, by its own will or not, and return what else it printed."""
    if kill:
        process.kill()
    with process:  # closes what it leaves, and waits
        process.stdin.close()
        return process.stdout.read()  # not communicate(), which loses what came in one piece with the first line
