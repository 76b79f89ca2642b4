"""Optuna over a naive loop: every trial exports the network, quantizes it with `quantize_static`, and evaluates it.

    python optuna_loop.py GRAPH.onnx SAMPLES.npz '{"folder": …, "minutes": 5, "network": "NETWORK.pt2"}' (see offers.py)

A network that comes as an exported program (.pt2) is exported as torch does by default; one that comes as TorchScript
(.pt) by torch's former exporter, which is deprecated and takes a fiftieth of the time. Trials are proposed for
accuracy, bytes and latency at once, by Optuna's own choice of sampler; the first is the one that ONNX Runtime's
documentation recommends.
"""

import io
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import onnx
import optuna
import torch
from offers import Offers
from static_loop import BATCH, METHODS, TYPES, prepared, quantized

OPSET = 20


def exporter(network: str, example: torch.Tensor, name: str) -> Callable[[], onnx.ModelProto]:
    """What makes the float graph of the network in a file, with a free batch size."""
    names = {"opset_version": OPSET, "input_names": [name], "output_names": ["output"]}
    if network.endswith(".pt2"):
        program = torch.export.load(network).module()
        free = ({0: torch.export.Dim("batch")},)
        return lambda: torch.onnx.export(program, (example,), dynamic_shapes=free, verbose=False, **names).model_proto
    script = torch.jit.load(network).eval()
    axes = {name: {0: "batch"}, "output": {0: "batch"}}

    def exported() -> onnx.ModelProto:
        buffer = io.BytesIO()
        torch.onnx.export(script, (example,), buffer, dynamo=False, dynamic_axes=axes, **names)
        return onnx.load_from_string(buffer.getvalue())

    return exported


def main() -> None:
    """Try until the time is up."""
    warnings.simplefilter("ignore")  # of an exporter and a format that are on their way out, and quick
    logging.disable()
    offers, types = Offers.asked(), {f"{a.name}/{w.name}": (a, w) for a, w in TYPES}
    export = exporter(offers.settings["network"], torch.from_numpy(offers.samples["inputs"][:2]), offers.name)
    layers = [node.name for node in offers.graph.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]

    def objective(trial: optuna.Trial) -> tuple[float, float, float]:
        activations, weights = types[trial.suggest_categorical("types", list(types))]
        settings = {
            "activation_type": activations,
            "weight_type": weights,
            "calibrate_method": METHODS[trial.suggest_int("method", 0, len(METHODS) - 1)],
            "per_channel": trial.suggest_categorical("per_channel", [True, False]),
            "extra_options": {"ActivationSymmetric": trial.suggest_categorical("symmetric", [False, True])},
        }
        samples = trial.suggest_int("samples", 32, 1024, log=True)
        skipped = [place for place in range(len(layers)) if trial.suggest_categorical(f"skip {place}", [False, True])]

        def make() -> onnx.ModelProto:
            with tempfile.TemporaryDirectory() as name:
                path = prepared(export(), Path(name))
                nodes = [n.name for n in onnx.load(str(path)).graph.node if n.op_type in ("Conv", "Gemm", "MatMul")]
                left_out, batches = [nodes[place] for place in skipped], offers.batches(samples, BATCH)
                return quantized(path, batches, Path(name), nodes_to_exclude=left_out, **settings)

        found = offers.tried(str(trial.params), make)
        if found is None:
            raise optuna.TrialPruned
        return found

    study = optuna.create_study(directions=["maximize", "minimize", "minimize"])
    usual = {"types": next(iter(types)), "method": 0, "per_channel": True, "symmetric": False, "samples": 256}
    study.enqueue_trial(usual | {f"skip {place}": False for place in range(len(layers))})
    while not offers.time_is_up:
        study.optimize(objective, n_trials=1)
    offers.tell()


if __name__ == "__main__":
    main()
