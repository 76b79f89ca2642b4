"""AIMET's AdaRound of a float graph, weights in few bits and activations in 8, as its documentation has it.

    python aimet.py GRAPH.onnx SAMPLES.npz '{"bits": 4, "iterations": 10000}'

The samples hold `calibration` and `inputs`, both float32 (n, ...), and `labels` (n,). Prints the accuracy of AIMET's
simulation, and the seconds that rounding took without loading or scoring.
"""

import json
import sys
import time

import numpy as np
import onnx
import torch

# torchvision, which AIMET imports, looks for operators that its build for other processors does not bring.
TORCHVISION = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    TORCHVISION.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import aimet_onnx  # noqa: E402

BATCH = 32


def main() -> None:
    """Round, calibrate, score."""
    graph, samples, how = onnx.load(sys.argv[1]), np.load(sys.argv[2]), json.loads(sys.argv[3])
    name = graph.graph.input[0].name

    def batches(inputs: np.ndarray) -> list[dict[str, np.ndarray]]:
        return [{name: inputs[start : start + BATCH]} for start in range(0, len(inputs), BATCH)]

    started = time.perf_counter()
    sim = aimet_onnx.QuantizationSimModel(
        graph,
        param_type=aimet_onnx.qtype.int(how["bits"]),
        activation_type=aimet_onnx.int8,
        quant_scheme="tf_enhanced",
        config_file="default",
    )
    calibration = batches(samples["calibration"])
    aimet_onnx.apply_adaround(sim, calibration, num_iterations=how["iterations"])
    sim.compute_encodings(calibration)
    seconds = time.perf_counter() - started
    logits = np.concatenate([sim.session.run(None, batch)[0] for batch in batches(samples["inputs"])])
    print(json.dumps({"accuracy": float((logits.argmax(1) == samples["labels"]).mean()), "seconds": seconds}))


if __name__ == "__main__":
    main()
