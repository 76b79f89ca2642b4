"""ONNX Runtime's own quantization in a plain loop: `quantize_static` with every sensible mix of its settings.

    python static_loop.py GRAPH.onnx SAMPLES.npz '{"folder": …, "minutes": 5}'      (see offers.py)

The graph is prepared once, as its documentation advises. Settings that matter most vary first.
"""

import itertools
import logging
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
from offers import Make, Offers
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

BATCH = 32
U8, S8, U16, S4 = QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16, QuantType.QInt4
TYPES = ((U8, S8), (S8, S8), (U8, U8), (U16, S8), (U8, S4))  # of activations and weights
METHODS = (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy)
SAMPLES = (256, 64, 1024)
EXTRAS = ({}, {"ActivationSymmetric": True}, {"CalibMovingAverage": True}, {"WeightSymmetric": False})


class Batches(CalibrationDataReader):
    """Calibration samples, once through."""

    def __init__(self, batches: list[dict]):
        self._left = iter(batches)

    def get_next(self) -> dict | None:
        """What the session is fed next."""
        return next(self._left, None)


def prepared(graph: onnx.ModelProto, folder: Path) -> Path:
    """The graph after shape inference and ONNX Runtime's optimisation."""
    plain, path = folder / "plain.onnx", folder / "prepared.onnx"
    onnx.save(graph, str(plain))
    quant_pre_process(str(plain), str(path))
    return path


def quantized(path: Path, batches: list[dict], folder: Path, **settings) -> onnx.ModelProto:
    """What `quantize_static` makes of a prepared graph."""
    file = folder / "quantized.onnx"
    quantize_static(str(path), str(file), Batches(batches), quant_format=QuantFormat.QDQ, **settings)
    return onnx.load(str(file))


def candidates(offers: Offers, folder: Path) -> Iterator[tuple[str, Make]]:
    """Everything with all layers first; then with layers left out, in random order."""
    path = prepared(offers.graph, folder)
    layers = [node.name for node in onnx.load(str(path)).graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    mixes = list(itertools.product(SAMPLES, EXTRAS, (True, False), METHODS, TYPES))
    left_out = [[], [layers[0]], [layers[-1]], [layers[0], layers[-1]]] + [[layer] for layer in layers[1:-1]]
    later = list(itertools.product(left_out[1:], mixes))
    random.Random(0).shuffle(later)
    for skipped, (samples, extra, per_channel, method, (activations, weights)) in [([], mix) for mix in mixes] + later:
        how = f"{activations.name}/{weights.name} {method.name} per_channel={per_channel} {samples} samples {extra}"
        settings = {
            "activation_type": activations, "weight_type": weights, "calibrate_method": method,
            "per_channel": per_channel, "nodes_to_exclude": skipped, "extra_options": extra,
        }  # fmt: skip
        batches = offers.batches(samples, BATCH)
        yield f"{how} without {skipped}", lambda s=settings, b=batches: quantized(path, b, folder, **s)


def main() -> None:
    """Try until the time is up."""
    logging.disable()  # advice to prepare the graph, which it is
    offers = Offers.asked()
    with tempfile.TemporaryDirectory() as folder:
        offers.try_all(candidates(offers, Path(folder)))


if __name__ == "__main__":
    main()
