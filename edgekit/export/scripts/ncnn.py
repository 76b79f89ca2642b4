"""ncnn: pnnx converts ONNX to it, its Python binding runs it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter

import ncnn
import numpy as np


def version() -> str:
    """Of the runtime."""
    return f"ncnn {ncnn.__version__}"


def convert(job: dict, tell) -> dict:
    """ONNX to model.ncnn.param (the layers, as text) and model.ncnn.bin (the weights)."""
    tell(0.1, "pnnx")
    target = job["target"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(job["source"], os.path.join(folder, "model.onnx"))
        command = [_pnnx(), "model.onnx", f"fp16={int(job['precision'] == 'fp16')}"]
        command += [f"inputshape={job['shape']}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        made = [os.path.join(folder, f"model.ncnn.{end}") for end in ("param", "bin")]
        if not all(os.path.exists(path) and os.path.getsize(path) for path in made):
            raise RuntimeError("pnnx wrote no ncnn files: " + " ".join(said[-3:]))
        for path, name in zip(made, (target, target.replace(".param", ".bin")), strict=True):
            shutil.move(path, name)
    with open(target) as file:
        kinds = Counter(line.split()[0] for line in file.read().splitlines()[2:])
    if left := sorted(kind for kind in kinds if ncnn.layer_to_index(kind) < 0):
        raise RuntimeError(f"ncnn has no layer for {', '.join(left)}")
    if not _loads(ncnn.Net(), target):
        raise RuntimeError(f"it cannot load what pnnx made{_ignored(said)}")
    names = [os.path.basename(target), os.path.basename(target).replace(".param", ".bin")]
    return {"files": names, "ops": kinds}


def _ignored(said: list[str]) -> str:
    """What pnnx did not translate, of its lines "ignore GRU GRU_1 param hidden_size=96"."""
    left: dict[str, set[str]] = {}
    for line in said:
        if found := re.match(r"ignore (\w+) \S+ param (\w+)=", line):
            left.setdefault(found[1], set()).add(found[2])
    words = [f"{', '.join(sorted(names))} of {kind}" for kind, names in left.items()]
    return f", which leaves out {' and '.join(words)}" if words else ""


def _loads(net: ncnn.Net, path: str) -> bool:
    return not (net.load_param(path) or net.load_model(path.replace(".param", ".bin")))


def opened(path: str, threads: int):
    """A function from inputs (1, …) to outputs (1, …); ncnn takes one sample at a time."""
    net = ncnn.Net()
    net.opt.num_threads = threads
    if not _loads(net, path):
        raise RuntimeError(f"ncnn cannot load {os.path.basename(path)}")
    first, last = net.input_names()[0], net.output_names()[0]

    def run(inputs: np.ndarray) -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input(first, ncnn.Mat(np.ascontiguousarray(inputs[0])).clone())  # without clone it reads freed memory
        _, found = extractor.extract(last)
        return np.array(found)[None]  # copied while the extractor lives

    return run


def _pnnx() -> str:
    import pnnx

    return os.path.join(os.path.dirname(pnnx.__file__), "pnnx.exe" if os.name == "nt" else "pnnx")
