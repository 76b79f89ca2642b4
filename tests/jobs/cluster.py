"""A scheduler and workers as a person starts them, `python -m edgekit scheduler` and `worker`, on loopback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 250  # seconds


class Cluster:
    """Its processes, which can be killed and started again."""

    def __init__(self, home: Path):
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.home, self.processes, self.scheduler = home, [], None

    def start_scheduler(self) -> None:
        """On the same port each time."""
        self.scheduler = self._start("scheduler", "--port", self.address.rpartition(":")[2])

    def start_worker(self, **environment: str) -> subprocess.Popen:
        """One more."""
        return self._start("worker", self.address, **environment)

    def kill_scheduler(self) -> None:
        """As a crash would."""
        self.scheduler.kill()
        self.scheduler.wait()

    def stop(self) -> None:
        """Ask all to end, and end them."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, *words: str, **environment: str) -> subprocess.Popen:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "cluster.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "edgekit", *words],
                cwd=ROOT,
                env=os.environ | {"EDGEKIT_HOME": str(self.home)} | environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process


@contextmanager
def cluster(home: Path, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler with so many workers, which keep their runs in `home`."""
    made = Cluster(home)
    try:
        made.start_scheduler()
        for _ in range(workers):
            made.start_worker()
        yield made
    finally:
        made.stop()


def until(holds: Callable[[], object]) -> object:
    """What `holds` returns once it is true."""
    end = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < end, f"nothing came within {PATIENCE} s"
        time.sleep(0.05)
    return found


def kill(owner: str) -> None:
    """SIGKILL to the process that is called so by its `owner()`."""
    os.kill(pid(owner), signal.SIGKILL)


def pid(owner: str) -> int:
    """Of the process that is called so by its `owner()`."""
    return int(owner.split(":")[1])
