"""Starts the real app as a person would, `streamlit run app.py`, on a free port with a home of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds
PORTS = [0]  # where apps of this process were, the first choice for the next; 0 is any that is free


@dataclass(frozen=True)
class App:
    """A running app: where it answers, and where it keeps its runs."""

    url: str
    home: Path
    process: subprocess.Popen


@contextlib.contextmanager
def running(home: Path) -> Iterator[App]:
    """The app, from when it answers until the end of the `with`."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = {"port": port, "address": "127.0.0.1", "headless": "true"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--server.{k}={v}" for k, v in options.items())]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"EDGEKIT_HOME": str(home)}, stdout=log, stderr=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", process, home / "server.log")
            yield App(f"http://127.0.0.1:{port}", home, process)
        finally:
            process.kill()  # as a crash would: what was finished must be whole all the same
            process.wait()


def free_port() -> int:
    """A free port: that of an earlier app, if it has ended, so that a browser knows the app's scripts already."""
    for port in PORTS:
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # its last connections may linger
            tried.bind(("127.0.0.1", port))
            found = tried.getsockname()[1]
            if port == 0:
                PORTS.insert(-1, found)
            return found
    raise AssertionError("no port is free")


def _wait(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the app did not answer within {PATIENCE} s:\n{log.read_text()}")
