"""A Python environment of a converter's own, so that its packages never meet ours: in the cache folder, by setup.

    <cache>/environments/<name>-<key>/     key: of its requirements and of the Python that made it
        ready.json                         written once its packages were imported; without it, nothing is used

Where building was interrupted, building again goes on: pip keeps what is installed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from edgekit.core.errors import ExportError
from edgekit.core.files import cache, written_whole
from edgekit.core.progress import Progress, part, silent
from edgekit.export.child import end

READY = "ready.json"
POLL_SECONDS = 0.1
SIZE = re.compile(r"\(([\d.]+) ([kMG])B\)")
MEGABYTES = {"k": 1e-3, "M": 1.0, "G": 1e3}


@dataclass(frozen=True)
class Environment:
    """See the module docstring.

    Attributes:
        requirements: what pip installs.
        modules: what must be importable in the end.
        borrows: whether it also reads the packages of the Python that EdgeKit runs in, after its own: torch above all.
        download: megabytes that are fetched for it, for the progress.
    """

    name: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    borrows: bool = False
    download: int = 100

    @property
    def folder(self) -> Path:
        """Where it lies, or would."""
        made_of = [*self.requirements, sys.version, sys.prefix if self.borrows else ""]
        made_of += [importlib.metadata.version("torch")] if self.borrows else []
        key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:8]
        return cache() / "environments" / f"{self.name}-{key}"

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

    def ready(self) -> bool:
        """Whether it was built to the end."""
        return (self.folder / READY).is_file()

    def build(self, progress: Progress = silent) -> None:
        """Make it, unless it is there; another process that makes it is waited for.

        Raises:
            ExportError: pip failed, in its own words.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_suffix(".lock"))
        while True:
            try:
                lock.acquire(timeout=POLL_SECONDS)
                break
            except Timeout:
                progress(0.0, f"waiting for another process that sets up {self.name}")
        try:
            if not self.ready():
                self._build(progress)
        finally:
            lock.release()
        progress(1.0, "ready")

    def _build(self, progress: Progress) -> None:
        made = [sys.executable, "-m", "venv", str(self.folder)]  # again too: it mends what was cut short
        self._run(made, part(progress, 0, 0.05), "making a place for it")
        if self.borrows:
            ours = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
            with written_whole(self._site() / "edgekit_borrows.pth") as file:
                file.write("".join(f"{path}\n" for path in ours).encode())
        pip = [self.python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
        self._run([*pip, *self.requirements], part(progress, 0.05, 0.9), "asking the package index")
        checks = "; ".join(f"import {module}" for module in self.modules)
        self._run([self.python, "-I", "-c", checks], part(progress, 0.9, 1), "trying it")
        with written_whole(self.folder / READY) as file:
            file.write(json.dumps({"requirements": self.requirements}).encode())
        for other in self.folder.parent.glob(f"{self.name}-*"):  # of older requirements or Pythons
            if other.is_dir() and other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def _site(self) -> Path:
        """Where its packages lie."""
        paths = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))

    def _run(self, command: Sequence[str], progress: Progress, what: str) -> None:
        """Run to the end, telling what pip is at; what `progress` raises ends it."""
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            errors="replace", start_new_session=True,  # so that what pip starts ends with it
        )  # fmt: skip
        told: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=lambda: [told.put(line) for line in process.stdout], daemon=True, name="setup")
        reader.start()
        said, fetched, fraction = [], 0.0, 0.0
        try:
            while reader.is_alive() or not told.empty():
                progress(fraction, what)
                try:
                    line = told.get(timeout=POLL_SECONDS).strip()
                except queue.Empty:
                    continue
                said = [*said[-20:], line]
                if line.startswith(("Downloading", "Using cached")):
                    found = SIZE.search(line)
                    fetched += float(found[1]) * MEGABYTES[found[2]] if found else 0.0
                    fraction = min(0.8, fetched / self.download)
                    what = f"fetching {line.split()[-3] if found else line.split()[-1]}"[:70]
                elif line.startswith("Installing"):
                    fraction, what = max(fraction, 0.8), "installing"
        except BaseException:
            end(process)
            raise
        finally:
            code = process.wait()
            reader.join()
            process.stdout.close()
        if code:
            words = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "")
            raise ExportError(
                f"setting up {self.name} failed: {words.removeprefix('ERROR: ') or f'exit code {code}'}. Check the "
                "connection and the space on the disk, and try again: what was fetched is kept."
            )
