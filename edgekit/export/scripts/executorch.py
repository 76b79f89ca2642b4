"""ExecuTorch: lowers a PyTorch network to XNNPACK in a .pte file, in float or in 8-bit integers, and runs it."""

import importlib.metadata
import os
from collections import Counter

import numpy as np
import torch


def version() -> str:
    """Of the runtime."""
    return f"ExecuTorch {importlib.metadata.version('executorch')}"


def convert(job: dict, tell) -> dict:
    """An exported program (.pt2) to .pte."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    tell(0.05, "loading the network")
    program, calibration = torch.export.load(job["source"]), torch.from_numpy(np.load(job["calibration"]))
    example = (calibration[:1],)
    if job["precision"] == "int8":
        program = torch.export.export(_rounded(program, calibration, tell), example)
    tell(0.6, "lowering to XNNPACK")
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    ops = Counter(str(node.target).removeprefix("aten.") for node in lowered.exported_program().graph.nodes)
    tell(0.9, "writing")
    with open(job["target"], "wb") as file:
        lowered.to_executorch().write_to_file(file)
    return {
        "files": [os.path.basename(job["target"])],
        "ops": {k: n for k, n in ops.items() if "." in k or "call" in k},
    }


def _rounded(program, calibration, tell):
    """The network with its numbers rounded to 8 bits, one scale an output channel, ranges from the calibration."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    made = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    watched = prepare_pt2e(program.module(), made)
    for number, row in enumerate(calibration):
        watched(row[None])
        tell(0.1 + 0.4 * number / len(calibration), "calibrating")
    return convert_pt2e(watched)


def opened(path: str, threads: int):
    """A function from inputs (1, …) to outputs (1, …)."""
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

    if hasattr(portable_lib, "_threadpool_reset"):
        portable_lib._threadpool_reset(threads)
    method = Runtime.get().load_program(path).load_method("forward")
    return lambda inputs: method.execute([torch.from_numpy(np.ascontiguousarray(inputs))])[0].numpy()
