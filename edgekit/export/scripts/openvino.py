"""OpenVINO: converts ONNX to its IR, and runs that."""

import os
import sys
from collections import Counter

sys.modules["openvino_telemetry"] = None  # converting would start a process that reports usage to its makers

import numpy as np
import openvino as ov


def version() -> str:
    """Of the runtime."""
    return f"OpenVINO {ov.__version__.split('-')[0]}"


def convert(job: dict, tell) -> dict:
    """ONNX to model.xml and model.bin, every number as it is."""
    tell(0.1, "reading the graph")
    model = ov.convert_model(job["source"])
    tell(0.6, "writing")
    ov.save_model(model, job["target"], compress_to_fp16=False)
    weights = Counter()
    for op in model.get_ops():
        if op.get_type_name() == "Constant":
            weights[op.get_output_element_type(0).to_string()] += int(np.prod(op.get_output_shape(0)))
    name = os.path.basename(job["target"])
    ops = Counter(op.get_type_name() for op in model.get_ops())
    return {"files": [name, name.replace(".xml", ".bin")], "ops": ops, "weights": weights}


def opened(path: str, threads: int):
    """A function from inputs (b, …) to outputs (b, …)."""
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    settings["INFERENCE_PRECISION_HINT"] = "f32"  # some processors would round floats to bfloat16
    settings["ENABLE_CPU_PINNING"] = False  # bound to one core, it waits there for whatever else runs on it
    request = ov.Core().compile_model(path, "CPU", settings).create_infer_request()
    kind = request.get_input_tensor().data.dtype
    outcome = request.model_outputs[0]
    return lambda inputs: request.infer([inputs.astype(kind, copy=False)], share_inputs=True)[outcome].copy()
