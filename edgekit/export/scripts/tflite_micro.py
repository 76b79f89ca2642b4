"""TensorFlow Lite for Microcontrollers: its own interpreter, built for this machine."""

import importlib.metadata
import os
import re
import tempfile

import numpy as np
from tflite_micro.python.tflite_micro import runtime

LARGEST_ARENA = 64 * 2**20  # bytes to try with
ALIGNED = 16  # bytes


def version() -> str:
    """Of the runtime: the day it was built, as it has no releases."""
    return f"TensorFlow Lite Micro {importlib.metadata.version('tflite_micro').split('dev')[-1][:8]}"


def convert(job: dict, tell) -> dict:
    """The bytes of arena that a .tflite file needs: the least with which it still opens."""
    with open(job["source"], "rb") as file:
        model = file.read()
    tell(0.1, "looking for the least arena")
    _interpreter(model, LARGEST_ARENA)
    low, high = 0, LARGEST_ARENA
    while high - low > ALIGNED:
        middle = (low + high) // 2
        low, high = (low, middle) if _opens(model, middle) else (middle, high)
    return {"arena": -(-high // ALIGNED) * ALIGNED}


def _opens(model: bytes, arena: int) -> bool:
    """Whether so many bytes suffice: tried in a fork, as the interpreter crashes where some operators get too few."""
    process = os.fork()
    if not process:
        try:
            _interpreter(model, arena)
        except BaseException:  # its word for an arena that is too small
            os._exit(1)
        os._exit(0)
    return os.waitpid(process, 0)[1] == 0


def opened(path: str, threads: int):
    """A function from inputs (1, …) to outputs (1, …); there is only ever one thread."""
    with open(path, "rb") as file:
        reader = _interpreter(file.read(), LARGEST_ARENA)
    given, outcome = reader.get_input_details(0), reader.get_output_details(0)
    scale, zero = _grid(given)
    out_scale, out_zero = _grid(outcome)

    def run(inputs: np.ndarray) -> np.ndarray:
        reader.set_input(inputs, 0)
        reader.invoke()
        return reader.get_output(0)

    def prepare(inputs: np.ndarray) -> np.ndarray:
        if scale:
            ends = np.iinfo(given["dtype"])
            inputs = np.clip(np.rint(inputs / scale) + zero, ends.min, ends.max)
        return np.ascontiguousarray(inputs.astype(given["dtype"], copy=False))

    run.prepare = prepare
    run.finish = lambda found: (found.astype(np.float32) - out_zero) * np.float32(out_scale) if out_scale else found
    return run


def _grid(port: dict) -> tuple[float, int]:
    """The step and the zero of an input or output of integers; a step of 0 where it is of floats."""
    kinds = port["quantization_parameters"]
    return (float(kinds["scales"][0]), int(kinds["zero_points"][0])) if len(kinds["scales"]) else (0.0, 0)


def _interpreter(model: bytes, arena: int):
    """Opened; what it cannot run it says on stderr only."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            return runtime.Interpreter.from_bytes(model, arena_size=arena)
        except RuntimeError as error:
            said.seek(0)
            missing = re.search(rb"Didn't find op for builtin opcode '(\w+)'", said.read())
            why = f"it has no operator {missing[1].decode()}" if missing else f"{error}, with {arena:,} bytes for them"
            raise RuntimeError(why) from None
        finally:
            os.dup2(before, 2)
            os.close(before)
