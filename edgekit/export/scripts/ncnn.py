"""ncnn: pnnx converts ONNX to it, its Python binding runs it."""

import os
import re
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
        source = os.path.join(folder, "model.onnx")
        with open(job["source"], "rb") as before, open(source, "wb") as after:
            after.write(before.read())
        command = [_pnnx(), "model.onnx", f"fp16={int(job['precision'] == 'fp16')}"]
        command += [f"inputshape={job['shape']}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        made = [os.path.join(folder, f"model.ncnn.{end}") for end in ("param", "bin")]
        if not all(os.path.exists(path) and os.path.getsize(path) for path in made):
            said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            raise RuntimeError("pnnx wrote no ncnn files: " + " ".join(said[-3:]))
        for path, name in zip(made, (target, target.replace(".param", ".bin")), strict=True):
            os.replace(path, name)
    with open(target) as file:
        lines = [line.split() for line in file.read().splitlines()[2:]]
    left = sorted({line[0] for line in lines if re.match(r"(aten|onnx|pnnx|prim|torch|F|nn|Tensor)(::|\.)", line[0])})
    if left:
        raise RuntimeError(f"ncnn has no layer for {', '.join(left)}")
    names = [os.path.basename(target), os.path.basename(target).replace(".param", ".bin")]
    return {"files": names, "ops": Counter(line[0] for line in lines)}


def opened(path: str, threads: int):
    """A function from inputs (1, …) to outputs (1, …); ncnn takes one sample at a time."""
    net = ncnn.Net()
    net.opt.num_threads = threads
    if net.load_param(path) or net.load_model(path.replace(".param", ".bin")):
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
