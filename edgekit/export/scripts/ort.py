"""ONNX Runtime: runs .onnx and .ort, and writes .ort files."""

import os

import onnxruntime as ort


def version() -> str:
    """Of the runtime."""
    return f"ONNX Runtime {ort.__version__}"


def options(threads: int) -> ort.SessionOptions:
    """A plain session that uses so many threads and does not spin."""
    made = ort.SessionOptions()
    made.intra_op_num_threads, made.inter_op_num_threads = threads, 1
    made.log_severity_level = 3
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return made


def opened(path: str, threads: int):
    """A function from inputs (b, …) to outputs (b, …)."""
    session = ort.InferenceSession(path, options(threads), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    kinds = {"tensor(float16)": "float16", "tensor(double)": "float64", "tensor(int64)": "int64"}
    kinds |= {"tensor(int32)": "int32", "tensor(uint8)": "uint8"}
    kind = kinds.get(entry.type, "float32")
    return lambda inputs: session.run(None, {entry.name: inputs.astype(kind, copy=False)})[0]


def convert(job: dict, tell) -> dict:
    """Optimise as far as any processor may take it ("extended"), and save as .ort and, to count, as .onnx."""
    for number, (path, form) in enumerate(((job["target"], "ORT"), (job["counted"], "ONNX"))):
        tell(number / 2, "optimising")
        made = options(1)
        made.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        made.optimized_model_filepath = path
        made.add_session_config_entry("session.save_model_format", form)
        ort.InferenceSession(job["source"], made, providers=["CPUExecutionProvider"])
    return {"files": [os.path.basename(job["target"])]}
