"""Times one or more networks on this machine and writes result.json, which EdgeKit reads back. One file, on purpose.

    python bench.py                     # what kit.json names: the network, and the original beside it
    python bench.py my.onnx other.onnx --threads 4 --seconds 5 --out result.json

Needs numpy, and onnxruntime for .onnx files or ai-edge-litert (or tflite-runtime) for .tflite files; nothing else.
Files of one kind at a time, as a result is of one runtime: a kit's .tflite is named, `python bench.py model.tflite`.
Files run by turns (A B B A …), one sample at a time, on random inputs, after a warm-up; what counts is the median.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import statistics
import sys
import time

import numpy as np

FORMAT = "edgekit-device-result/1"
WARM_UP_SECONDS, LEAST_TURNS = 0.5, 50
LONGEST_BLOCK_SECONDS = 0.02  # quick files run several times a turn


def main():
    """Time what is asked for, print a line for each file, and write the result."""
    given = _arguments()
    kit = _kit()
    paths = given.files or [name for name in kit.get("files", {}) if name.endswith(".onnx")]
    if not paths:
        sys.exit("name a .onnx or .tflite file, or run this beside the kit.json of a device kit.")
    if len({path.endswith(".tflite") for path in paths}) > 1:
        sys.exit("name .onnx files or .tflite files, not both: a result is of one runtime.")
    threads = given.threads or os.cpu_count() or 1
    for path in paths:
        known = kit.get("files", {}).get(path)
        if known and known != _sha256(path):
            sys.exit(f"{path} is not the file that this kit was made with: its checksum differs. Unpack the kit again.")
    found = result(paths, threads, given.seconds, kit, given.board)
    _write(given.out, json.dumps(found, indent=1))
    for one in found["files"]:
        print(f"{one['name']}: {statistics.median(one['ms']):.3f} ms, median of {len(one['ms'])} turns")
    print(f"written: {given.out}  (bring it back to EdgeKit's page Devices)")


def result(paths, threads, seconds, kit=None, board=""):
    """Time files by turns.

    Returns:
        what result.json holds: the machine, the runtime, for each file its checksum and the milliseconds of every turn,
        and a checksum over all of it.
    """
    opened = [_open(path, threads) for path in paths]
    repeats = [_warm_up(run) for run, _ in opened]
    times = [[] for _ in paths]
    until = time.perf_counter() + seconds
    turn = 0
    while turn < LEAST_TURNS or time.perf_counter() < until:
        order = list(range(len(paths)))
        for place in order if turn % 2 else order[::-1]:
            run, count = opened[place][0], repeats[place]
            started = time.perf_counter()
            for _ in range(count):
                run()
            times[place].append(round((time.perf_counter() - started) / count * 1e3, 6))
        turn += 1
    found = {
        "format": FORMAT,
        "kit": (kit or {}).get("kit", ""),
        "device": (kit or {}).get("device", ""),
        "board": board or _board(),
        "machine": {
            "cpu": _cpu(), "architecture": platform.machine(), "system": platform.system(),
            "cores": os.cpu_count() or 1,
        },
        "runtime": opened[0][1],
        "threads": threads,
        "files": [
            {"name": os.path.basename(path), "sha256": _sha256(path), "bytes": os.path.getsize(path), "ms": ms}
            for path, ms in zip(paths, times)  # noqa: B905  (boards have Python 3.9)
        ],
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
    return {**found, "checksum": checksum(found)}


def checksum(found):
    """Over everything but itself."""
    rest = {name: value for name, value in found.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _arguments():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("files", nargs="*", help=".onnx or .tflite files; what kit.json names by default")
    asked.add_argument("--threads", type=int, help="all cores by default")
    asked.add_argument("--seconds", type=float, default=3.0, help="of running, all files together")
    asked.add_argument("--board", default="", help="what to call this machine; found by itself by default")
    asked.add_argument("--out", default="result.json")
    return asked.parse_args()


def _kit():
    if not os.path.exists("kit.json"):
        return {}
    with open("kit.json", encoding="utf-8") as file:
        return json.load(file)


def _write(path, text):
    """So that a board that loses its power leaves no half file."""
    beside = path + ".part"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _open(path, threads):
    """(a function that runs the file once, {"name", "version"} of the runtime)."""
    package = "ai-edge-litert" if path.endswith(".tflite") else "onnxruntime"
    try:
        return _open_tflite(path, threads) if path.endswith(".tflite") else _open_onnx(path, threads)
    except ImportError:
        sys.exit(f"{path} needs a runtime that is not installed here: pip install {package}")
    except Exception as error:  # the runtimes' errors have no class in common
        why = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(str(error).split()))
        sys.exit(f"{path} cannot be opened by {package}: {why}")


def _open_onnx(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {entry.name: _sample(entry.shape, entry.type[7:-1]) for entry in session.get_inputs()}
    return lambda: session.run(None, inputs), {"name": "ONNX Runtime", "version": onnxruntime.__version__}


def _open_tflite(path, threads):
    try:
        from ai_edge_litert.interpreter import Interpreter

        package = "ai-edge-litert"
    except ImportError:
        from tflite_runtime.interpreter import Interpreter

        package = "tflite-runtime"
    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    for entry in interpreter.get_input_details():
        interpreter.set_tensor(entry["index"], _sample(entry["shape"], np.dtype(entry["dtype"]).name))
    return interpreter.invoke, {"name": "LiteRT", "version": importlib.metadata.version(package)}


def _sample(shape, kind):
    """Random values of a shape; free dimensions are 1."""
    shape = [int(size) if isinstance(size, (int, np.integer)) and size > 0 else 1 for size in shape]
    kind = {"float": "float32", "double": "float64"}.get(kind, kind)
    generator = np.random.default_rng(0)
    if kind.startswith("float"):
        return generator.standard_normal(shape).astype(kind)
    return generator.integers(0, 2, shape).astype(kind)


def _warm_up(run):
    """Runs until the machine is awake; how often a turn should run it."""
    until, quickest = time.perf_counter() + WARM_UP_SECONDS, float("inf")
    while time.perf_counter() < until or quickest == float("inf"):
        started = time.perf_counter()
        run()
        quickest = min(quickest, time.perf_counter() - started)
    return max(1, int(LONGEST_BLOCK_SECONDS / 4 / max(quickest, 1e-6)))


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _board():
    """What the machine says it is."""
    for place in ("/proc/device-tree/model", "/sys/devices/virtual/dmi/id/product_name"):
        if os.path.exists(place):
            with open(place, encoding="utf-8", errors="replace") as file:
                if name := file.read().strip("\0\n "):
                    return name
    return platform.node() or _cpu()


def _cpu():
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("model name", "Model")):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
