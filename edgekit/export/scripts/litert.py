"""LiteRT: litert-torch converts a PyTorch network to .tflite, AI Edge Quantizer rounds it, ai-edge-litert runs it."""

import os
import re
from collections import Counter

import numpy as np

SUMS, CHOICES = {"ADD", "SUB"}, {"SELECT", "SELECT_V2"}
BEYOND = "The sum that it puts out stays in floats: of odd samples it is far beyond the range of those calibrated on."
MASKED = "Masked scores of attention stay in floats: next to what a mask puts in, all others would get the same code."


def version() -> str:
    """Of the runtime."""
    import importlib.metadata

    return f"LiteRT {importlib.metadata.version('ai-edge-litert')}"


def convert(job: dict, tell) -> dict:
    """An exported program (.pt2) to .tflite in float, half, 8-bit integers, or 8-bit weights alone ("dynamic")."""
    import litert_torch
    import torch

    tell(0.05, "loading the network")
    program, calibration = torch.export.load(job["source"]), np.load(job["calibration"])
    tell(0.2, "converting")
    target = job["target"]
    whole, floats = target if job["precision"] == "fp32" else f"{target}.float", {}
    litert_torch.convert(program.module(), (torch.from_numpy(calibration[:1]),)).export(whole)
    if whole != target:
        tell(0.7, "quantizing")
        floats = left_in_floats(whole) if job["precision"] == "int8" else {}
        _quantize(whole, target, job["precision"], calibration, floats)
        os.remove(whole)
    _inside(target)
    tell(0.9, "counting")
    return {"files": [os.path.basename(target)], "notes": list(dict.fromkeys(floats.values()))} | counted(target)


def _quantize(source: str, target: str, precision: str, calibration: np.ndarray, floats: dict[str, str]) -> None:
    """A float file in half precision, in integers but for those that make `floats`, or with integer weights only."""
    from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe

    made = quantizer.Quantizer(source)
    if precision == "fp16":
        half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
        made.update_quantization_recipe(
            ".*",
            qtyping.TFLOperationName.ALL_SUPPORTED,
            qtyping.OpQuantizationConfig(weight_tensor_config=half, explicit_dequantize=True),
            "float_casting",
        )
    else:
        recipes = {"int8": recipe.static_wi8_ai8, "dynamic": recipe.dynamic_wi8_afp32}
        made.load_quantization_recipe(recipes[precision]())
        for name in floats:
            made.update_quantization_recipe(
                f"{re.escape(name)};", qtyping.TFLOperationName.ALL_SUPPORTED, algorithm_key="no_quantize"
            )
    ranges = None
    if made.need_calibration:
        signature, given, kind = _signature(source)
        calibration = calibration.astype(kind, copy=False)  # pieces of a text are of 32 bits there
        watched = calibrator.Calibrator(source, num_threads=1, qsv_update_func=_widest)
        watched.calibrate({signature: [{given: row[None]} for row in calibration]}, made._recipe_manager)
        ranges = watched.get_model_qsvs()
    made.quantize(ranges).export_model(target, overwrite=True)


def left_in_floats(path: str) -> dict[str, str]:
    """Tensors of a float file that integers would spoil, each with the reason.

    - A sum that is the output, and the input if that sum reads it. Ranges are those of training samples. Where the
      output is what a network could not rebuild of its input, hardly anything is left of those, and the range would cut
      off just the odd samples that such a network is to find: an autoencoder lost 7 points of AUC.
    - What a softmax makes of scores some of which a mask replaced by a very low number, which stretches their range: a
      translator lost everything.

    quantize_static leaves both in floats too, as they have no weights.
    """
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(path)
    ops = reader._get_ops_details()
    maker = {index: op for op in ops for index in op["outputs"]}
    names = {tensor["index"]: tensor["name"] for tensor in reader.get_tensor_details()}
    (given,), (found,) = reader.get_input_details(), reader.get_output_details()
    kept = dict.fromkeys(_sum_put_out(maker, given["index"], found["index"]), BEYOND)
    for op in ops:
        if op["op_name"] == "SOFTMAX":
            way = _back(maker, op["inputs"][0])
            if way[-1] in maker and maker[way[-1]]["op_name"] in CHOICES:
                kept |= dict.fromkeys([*way, *op["outputs"]], MASKED)
    return {names[index]: why for index, why in kept.items()}


def _sum_put_out(maker: dict[int, dict], given: int, found: int) -> list[int]:
    last = maker.get(found)
    if last is None or last["op_name"] not in SUMS:
        return []
    ways = [_back(maker, index) for index in last["inputs"]]
    return [found, *(index for way in ways if way[-1] == given for index in way)]


def _back(maker: dict[int, dict], index: int) -> list[int]:
    """A tensor, and those that it is a mere reshaping of, back to the first."""
    way = [index]
    while way[-1] in maker and maker[way[-1]]["op_name"] == "RESHAPE":
        way.append(maker[way[-1]]["inputs"][0])
    return way


def _widest(before: dict, after: dict) -> dict:
    """Ranges that hold both; the quantizer's own moving averages cut off what only some samples reach."""
    return {**after, "min": np.minimum(before["min"], after["min"]), "max": np.maximum(before["max"], after["max"])}


def _inside(path: str) -> None:
    """Move weights that the quantizer appended behind the flatbuffer into it: TFLite Micro takes those for empty."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    with open(path, "rb") as file:
        content = file.read()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content), 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content[buffer.offset : buffer.offset + buffer.size], np.uint8)
            buffer.offset = buffer.size = 0
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())


def _signature(path: str) -> tuple[str, str, type[np.generic]]:
    """The signature of a file, the name of its input, and its type."""
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(path)
    ((name, ports),) = reader.get_signature_list().items()
    return name, ports["inputs"][0], reader.get_input_details()[0]["dtype"]


def counted(path: str) -> dict:
    """Operators, and how many weights of which kind."""
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(path)
    ops = Counter(op["op_name"] for op in reader._get_ops_details())
    made = {index for op in reader._get_ops_details() for index in op["outputs"]}
    given = {detail["index"] for detail in reader.get_input_details()}
    weights = Counter()
    for tensor in reader.get_tensor_details():
        if tensor["index"] not in made | given and tensor["shape"].size:
            weights[np.dtype(tensor["dtype"]).name] += int(np.prod(tensor["shape"]))
    return {"ops": ops, "weights": weights}


def opened(path: str, threads: int):
    """A function from inputs (1, …) to outputs (1, …), prepared and finished by what hangs at it."""
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(path, num_threads=threads)
    reader.allocate_tensors()
    (given,), outcome = reader.get_input_details(), reader.get_output_details()[0]

    def run(inputs: np.ndarray) -> np.ndarray:
        reader.set_tensor(given["index"], inputs)
        reader.invoke()
        return reader.get_tensor(outcome["index"])

    run.prepare = lambda inputs: rounded(inputs, given["dtype"], *given["quantization"])
    run.finish = lambda outputs: floated(outputs, *outcome["quantization"])
    return run


def rounded(inputs: np.ndarray, kind: type, scale: float, zero: int) -> np.ndarray:
    """What an input of integers takes for floats; others take them as they are."""
    if not scale:
        return inputs.astype(kind, copy=False)
    ends = np.iinfo(kind)
    return np.clip(np.rint(inputs / scale) + zero, ends.min, ends.max).astype(kind)


def floated(outputs: np.ndarray, scale: float, zero: int) -> np.ndarray:
    """What an output of integers means."""
    return (outputs.astype(np.float32) - zero) * np.float32(scale) if scale else outputs
