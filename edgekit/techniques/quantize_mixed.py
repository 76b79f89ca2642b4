"""Mixed precision: to each layer as many bits as it is worth, within a budget.  least Σ harm(layer, bits), mean ≤ B

Layers differ: one at 2 bits may ruin the network, and another is hardly missed. So the harm is measured: how far the
network's answers move (the Kullback–Leibler divergence of what it predicts, on calibration samples) with the weights of
one layer alone rounded, at 2, 3 and 4 bits. Above that the answers barely move, and the harm is taken to shrink with
the squared error of the weights, as it does for small errors. Then the bits of all layers are chosen together, from 2,
3, 4, 5, 6 and 8, so that the harms add up to the least within the budget: exactly, as a knapsack. The weights are
rounded as by the step "low-bit weights", scales, compensation and packing included.

Costs: as for low-bit weights, and three passes of 64 samples for each layer: seconds for small networks, many minutes
for BERT, where fewer samples are in place.
When it fails: harms do not quite add up, least so at 2 bits; where all layers are alike, an even 4 bits are as good. On
processors a layer of fewer bits is smaller, not faster.
Reference: Dong et al. 2019, "HAWQ: Hessian AWare Quantization of Neural Networks with Mixed-Precision",
arXiv:1905.03696; the sum of divergences: Cai et al. 2020, "ZeroQ", arXiv:2001.00281; the exact choice: Yao et al. 2021,
"HAWQ-V3", arXiv:2011.10680.
"""

from glob import escape
from typing import Annotated, Literal, Self

import numpy as np
import onnx
import onnxruntime
from pydantic import Field, model_validator
from scipy.special import log_softmax

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Fact, GraphTechnique, Layerwise
from edgekit.models.graphs import array, feedable, lift_constants, store
from edgekit.techniques._calibrate import batches, open_session
from edgekit.techniques._codes import encode
from edgekit.techniques._graph import GraphLayer, weight_layers
from edgekit.techniques._knapsack import choose
from edgekit.techniques._once import once
from edgekit.techniques._plan import integer_layers
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques.quantize_weights import QuantizeWeights

WIDTHS = (2, 3, 4, 5, 6, 8)
MEASURED = (2, 3, 4)  # bits at which answers move enough to be measured on few samples


class QuantizeMixed(Layerwise, GraphTechnique):
    """Settings of mixed precision; see the module docstring."""

    average_bits: Annotated[
        float, Knob(unit="bits", step=0.25, help="Bits kept of a weight, on the average over all weights.")
    ] = Field(4.0, ge=2, le=8)
    activations: Annotated[
        Literal["float", "int8"],
        Knob(help="Keep activations as floats, or make them 8-bit integers too, which makes the network faster."),
    ] = "float"
    rounding: Annotated[
        Literal["compensated", "reconstructed"],
        Knob(
            help="Let weights make up for the rounding of others, or learn, block by block, to put out what the float "
            "network does, which takes longer and loses less."
        ),
    ] = "compensated"
    least_bits: Annotated[int, Knob(unit="bits", step=1, help="No layer gets fewer bits than this.", advanced=True)] = (
        Field(2, ge=2, le=8)
    )
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Training samples on which answers may move.")
    ] = Field(64, ge=8, le=4096)

    title, family = "Mixed precision", "Quantization"
    effect = "Smaller file; faster only with 8-bit activations"
    reference = "Dong et al. 2019, arXiv:1905.03696"

    @property
    def needs(self) -> frozenset[Fact]:
        """What rounding needs, and samples to measure with."""
        return self._rounding({}).needs | {Fact.CALIBRATION_DATA}

    @property
    def removes(self) -> frozenset[Fact]:
        """What rounding removes."""
        return self._rounding({}).removes

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("least_bits",))
        return self

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Measure, choose and round.

        Raises:
            NothingToDo: there is no layer whose weights could be rounded.
            SettingError: `least_bits` leaves no choice within `average_bits`.
        """
        lift_constants(graph)
        layers = dict(weight_layers(graph)) if self.activations == "float" else integer_layers(graph)
        layers = {name: layer for name, layer in layers.items() if self.for_layer(name) is not None}
        if not layers:
            raise NothingToDo(
                f"{self.title} found no convolution or matrix product with weights. "
                "Skip fewer layers, or remove the step."
            )
        bits = self._choose(graph, layers, bench.part(0, 0.7))
        return self._rounding(bits).apply(graph, bench.part(0.7, 1))

    def _choose(self, graph: onnx.ModelProto, layers: dict[str, GraphLayer], bench: Bench) -> dict[str, int]:
        """Bits of each layer; layers that share their weights count once and get the same."""
        owners = {layer.weight: name for name, layer in reversed(layers.items())}
        counts = np.array([array(graph, weight).size for weight in owners])
        allowed = np.array([[n >= self.for_layer(name).least_bits for n in WIDTHS] for name in owners.values()])
        budget, widths = int(self.average_bits * counts.sum()), np.array(WIDTHS)
        least = np.where(allowed, widths, max(WIDTHS)).min(1)  # (weights,)
        if least @ counts > budget:
            raise SettingError(
                f"{self.title}: average_bits must be at least {least @ counts / counts.sum():.3g}, as least_bits asks "
                f"of these layers, not {self.average_bits:g}"
            )
        inputs = bench.calibration(self.samples)
        asked = (graph, [(name, layers[name].axis) for name in owners.values()], inputs)
        harms = once("harms", asked, lambda: _harms(graph, layers, owners, inputs, bench))
        bench.progress(1.0, "chosen")
        chosen = choose(harms, np.where(allowed, counts[:, None] * widths, budget + 1), budget)
        found = {weight: WIDTHS[n] for weight, n in zip(owners, chosen, strict=True)}
        return {name: found[layer.weight] for name, layer in layers.items()}

    def _rounding(self, bits: dict[str, int]) -> QuantizeWeights:
        """The step that rounds each layer to its own bits and leaves out what this one skips."""
        own = {escape(name): {"bits": n} for name, n in bits.items()}
        return QuantizeWeights(layers=own, skip=self.skip, activations=self.activations, rounding=self.rounding)


def _harms(
    graph: onnx.ModelProto, layers: dict[str, GraphLayer], owners: dict[str, str], inputs: np.ndarray, bench: Bench
) -> np.ndarray:
    """How far answers move with one weight rounded, and no other: (weights, widths)."""
    answers = _Answers(graph, {weight for weight, name in owners.items() if layers[name].kind != "Conv"}, inputs)
    wanted = answers.of({})
    harms = np.empty((len(owners), len(WIDTHS)))
    for place, (weight, name) in enumerate(owners.items()):
        before, errors, moved = array(graph, weight), [], []
        for number, n in enumerate(WIDTHS):
            bench.progress((place + number / len(WIDTHS)) / len(owners), f"{name} at {n} bits")
            rounded = encode(before, layers[name].axis, n, clipping="mse").decode()
            errors.append(float(np.square(rounded - before).sum()))
            if n in MEASURED:
                moved.append(_divergence(wanted, answers.of({weight: rounded.astype(before.dtype)})))
        shrunk = np.array(errors[len(moved) :]) / (errors[len(moved) - 1] or 1.0)
        harms[place] = [*moved, *moved[-1] * shrunk]
    return harms


class _Answers:
    """What a graph predicts for the same inputs (n, ...) with some weights replaced.

    Matrices are fed to one session, as to open a large network takes longer than to run it. Kernels are stored in a
    graph of their own each time: a convolution is quick where the runtime can lay them out beforehand.
    """

    def __init__(self, graph: onnx.ModelProto, fed: set[str], inputs: np.ndarray):
        self.graph, self.fed, self.inputs, self.output = graph, fed, inputs, graph.graph.output[0].name
        self.session = open_session(feedable(graph, fed), [self.output])

    def of(self, instead: dict[str, np.ndarray]) -> np.ndarray:
        """Logarithms of the predictions, (n, classes, ...)."""
        if instead.keys() <= self.fed:
            return self._run(self.session, instead)
        before = {weight: array(self.graph, weight) for weight in instead}
        for weight, values in instead.items():
            store(self.graph, weight, values)
        session = open_session(self.graph, [self.output])
        for weight, values in before.items():
            store(self.graph, weight, values)
        return self._run(session, {})

    def _run(self, session: onnxruntime.InferenceSession, fed: dict[str, np.ndarray]) -> np.ndarray:
        found = [values[0] for _, _, values in batches(session, [self.output], self.inputs, fed)]
        return log_softmax(np.concatenate(found).astype(np.float64), axis=1)


def _divergence(wanted: np.ndarray, got: np.ndarray) -> float:
    """KL(wanted ‖ got), the mean over samples; both are logarithms, (n, classes, ...)."""
    return max(0.0, float((np.exp(wanted) * (wanted - got)).sum(1).mean()))
