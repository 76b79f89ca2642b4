"""Runs with real files in a store, and what a board would send back of them."""

import io
import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from edgekit.core.run import Run
from edgekit.devices.bench import FORMAT, checksum
from edgekit.store.store import Store
from tests.devices.graphs import integers, residual
from tests.factories import a_baseline, a_run

HERE = "raspberry-pi-4" if platform.machine().lower().startswith(("arm", "aarch")) else "intel-n100"  # of our family


def two_runs(store: Store, folder: Path) -> tuple[Run, Run]:
    """An original and a smaller run of it, whose files really run."""
    folder.mkdir(parents=True, exist_ok=True)
    base = a_baseline(artifact=store.add_file(residual(folder / "base.onnx")))
    file = store.add_file(integers(folder / "file.onnx"))
    run = a_run(artifact=file.model_copy(update={"parent": base.artifact.sha256}), baseline=base.id)
    for one in (base, run):
        store.save(one)
    return store.get(base.id), store.get(run.id)


def unpacked(kit: bytes, folder: Path) -> Path:
    """A kit's files in a folder, as a person unpacks it on a board."""
    with zipfile.ZipFile(io.BytesIO(kit)) as packed:
        packed.extractall(folder)
    return folder


def benched(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """bench.py run in a kit's folder as on a board: nothing of EdgeKit can be imported."""
    command = [sys.executable, "-I", "bench.py", "--seconds", "0.1", "--threads", "1", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def a_result(times: dict[str, float], **changes: Any) -> bytes:
    """What a board would send: sha256 of each file -> about how many milliseconds it took there."""
    found = {
        "format": FORMAT,
        "kit": "",
        "device": "raspberry-pi-4",
        "board": "Raspberry Pi 4 Model B Rev 1.4",
        "machine": {"cpu": "Cortex-A72", "architecture": "aarch64", "system": "Linux", "cores": 4},
        "runtime": {"name": "ONNX Runtime", "version": "1.20.0"},
        "threads": 4,
        "files": [
            {
                "name": f"{n}.onnx",
                "sha256": sha,
                "bytes": 1000,
                "ms": [ms * (1 + 0.01 * (i % 5 - 2)) for i in range(50)],
            }
            for n, (sha, ms) in enumerate(times.items())
        ],
        "taken": "2026-11-22T10:00:00Z",
    } | changes
    return json.dumps(found | {"checksum": checksum(found)}).encode()
