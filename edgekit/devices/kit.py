"""A device kit: a zip to take to a board. It holds the file, the original, bench.py and what to do with them.

model.onnx, original.onnx    the very files that were measured here
model.tflite                 the same network for LiteRT, where it was exported to that; rounded anew
bench.py                     one file; needs numpy and onnxruntime, or ai-edge-litert for .tflite files
kit.json                     which files these are: checksums, run, device
README.txt                   the commands, in Python and for the tools of ncnn and TensorFlow Lite
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from edgekit.core.files import sha256
from edgekit.core.run import Run
from edgekit.devices import bench
from edgekit.devices.catalog import Device

OURS, ORIGINAL, LITERT = "model", "original", "model.tflite"
DATE = (2020, 1, 1, 0, 0, 0)  # of every file in the zip, so that the same kit has the same bytes


def kit(
    run: Run, file: Path, original: Path | None = None, device: Device | None = None, tflite: Path | None = None
) -> bytes:
    """The zip for a run.

    Args:
        file: its measured file.
        original: the uncompressed file, timed beside it; None where the run is that itself.
        device: that it is for; None for any.
        tflite: what the run was exported to; None where it was not.
    """
    names = {f"{OURS}{Path(file).suffix}": Path(file)}
    if original is not None and sha256(Path(original)) != sha256(Path(file)):
        names[f"{ORIGINAL}{Path(original).suffix}"] = Path(original)
    if tflite is not None:
        names[LITERT] = Path(tflite)
    known = {
        "device": device.id if device else "",
        "run": run.id,
        "model": run.model,
        "files": {name: sha256(path) for name, path in names.items()},
    }
    known["kit"] = sha256(json.dumps(known).encode())[:12]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in names.items():
            _write(packed, name, path.read_bytes())
        _write(packed, "bench.py", Path(bench.__file__).read_bytes())
        _write(packed, "kit.json", json.dumps(known, indent=1).encode())
        _write(packed, "README.txt", _readme(run, list(names), device).encode())
    return held.getvalue()


def _write(packed: zipfile.ZipFile, name: str, data: bytes) -> None:
    packed.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)


def _readme(run: Run, names: list[str], device: Device | None) -> str:
    where, timed = f"a {device.name}" if device else "the board", [name for name in names if name != LITERT]
    return f"""Device kit of EdgeKit: {run.model}, run {run.id}

On {where}, in this folder:

    python3 -m venv .venv && . .venv/bin/activate
    pip install numpy onnxruntime
    python bench.py                        # about five seconds; --threads 1 for one thread

It times {" and ".join(timed)} by turns and writes result.json. Bring that to EdgeKit's page Devices, or

    python -m edgekit devices add result.json --run {run.id}
{_LITERT_README if LITERT in names else _NO_LITERT_README}
Without Python, with the C++ tools of the runtimes (these numbers you type in by hand; EdgeKit reads result.json only):

    ncnn:             pnnx {names[0]} && ./benchncnn 50 $(nproc) 0 -1 0 param=model.ncnn.param shape=[...]
    TensorFlow Lite:  ./benchmark_model --graph={LITERT} --num_threads=$(nproc) --num_runs=50

Close other programs first, let the board cool down, and use its own power supply: a board that throttles is slower.
"""


_LITERT_README = f"""
{LITERT} is the same network for LiteRT. It was made from floats again, so its answers differ a little:

    pip install ai-edge-litert
    python bench.py {LITERT} --out litert.json
"""
_NO_LITERT_README = f"""
There is no {LITERT} in this kit, as the run was not exported to LiteRT: do that on EdgeKit's page Deploy, and make
the kit again.
"""
