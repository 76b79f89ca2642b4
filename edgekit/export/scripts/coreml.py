"""Core ML Tools: converts a PyTorch network to an .mlpackage. It predicts on macOS only."""

import os
from collections import Counter

import coremltools as ct
import numpy as np
import torch


def version() -> str:
    """Of the converter."""
    return f"Core ML Tools {ct.__version__}"


def convert(job: dict, tell) -> dict:
    """An exported program (.pt2) to an ML program, in float or half."""
    tell(0.05, "loading the network")
    program = torch.export.load(job["source"]).run_decompositions({})
    tell(0.2, "converting")
    kinds = {"fp32": ct.precision.FLOAT32, "fp16": ct.precision.FLOAT16}
    made = ct.convert(program, convert_to="mlprogram", compute_precision=kinds[job["precision"]], skip_model_load=True)
    tell(0.9, "writing")
    made.save(job["target"])
    (function,) = made._mil_program.functions.values()
    ops, weights = Counter(), Counter()
    for op in function.operations:
        ops[op.op_type] += 1
        if op.op_type == "const" and isinstance(op.val.val, np.ndarray):
            weights[op.val.val.dtype.name] += int(op.val.val.size)
    return {"files": [os.path.basename(job["target"])], "ops": ops, "weights": weights}
