"""An ONNX file as the cost model sees it: its layers, and how many bytes of activations it needs at a time.

What runtimes do in passing costs nothing here and takes no memory of its own: activations right after a layer, folded
normalization, views, and pairs of QuantizeLinear and DequantizeLinear. A tensor between two integer layers is counted
as the integers that it is.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import onnx

from edgekit.artifacts.constants import Constants
from edgekit.artifacts.operators import MULTIPLYING, ROLES
from edgekit.artifacts.read import File, opened
from edgekit.artifacts.shapes import Shapes, macs
from edgekit.core.files import sha256
from edgekit.devices.layers import BYTES, Kind, Layer, Precision, kind_of_convolution, total_macs
from edgekit.devices.liveness import Peak, Step, peak
from edgekit.models.graphs import RECURRENT

VIEWS = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast"}
QUANTIZING = {"QuantizeLinear", "DequantizeLinear"}
ACTIVATIONS = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "BatchNormalization", "PRelu"}
INTEGER = {"QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "QGemm"}
INTEGER |= {"DynamicQuantizeMatMul", "QLinearAdd", "QLinearConcat", "QLinearGlobalAveragePool"}
NOTHING = {"Shape", "Constant", "ConstantOfShape"}
KEPT = 256  # networks, of a few kilobytes each


@dataclass(frozen=True)
class Network:
    """A file as devices see it.

    Attributes:
        layers: with their kinds and counts, in the order of the file.
        peak: the most bytes of activations at a time, and the layer that needs them.
        bytes: of the file.
        weight_bytes: as a runtime holds them: few-bit codes are widened to int8 or float when the file is opened.
        precision: of most multiplications.
        attention, recurrent: whether it multiplies activations with each other, or runs step after step.
    """

    name: str
    sha256: str
    layers: tuple[Layer, ...]
    peak: Peak
    bytes: int
    weight_bytes: int
    precision: Precision
    attention: bool
    recurrent: bool

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return total_macs(self.layers)


_read: OrderedDict[str, Network] = OrderedDict()
_lock = threading.Lock()


def read(path: Path, known: str = "") -> Network:
    """A file as devices see it; files that were read lately are remembered.

    Args:
        known: its sha256, where that is known already.

    Raises:
        ModelError: no such file, no ONNX file, or one whose shapes are not known.
    """
    path = Path(path)
    key = known or (sha256(path) if path.is_file() else "")
    with _lock:
        if key in _read:
            return _read[key]
    found = _network(path, opened(path), key)
    with _lock:
        _read[key] = found
        while len(_read) > KEPT:
            _read.popitem(last=False)
    return found


def _network(path: Path, file: File, key: str) -> Network:
    graph = _Graph(file)
    layers = tuple(graph.layers())
    weights = [layer for layer in layers if layer.weights]
    by_precision: dict[Precision, int] = {}
    for layer in layers:
        by_precision[layer.precision] = by_precision.get(layer.precision, 0) + layer.macs
    return Network(
        name=path.name,
        sha256=key,
        layers=layers,
        peak=peak(*graph.steps()),
        bytes=path.stat().st_size,
        weight_bytes=sum(BYTES[layer.precision] * layer.weights for layer in weights),
        precision=max(by_precision, key=by_precision.__getitem__, default="fp32"),
        attention=any(layer.macs and not layer.weights for layer in layers),
        recurrent=any(layer.operator in RECURRENT for layer in layers),
    )


class _Graph:
    """The nodes that run for every sample, and what is known of their tensors."""

    def __init__(self, file: File):
        self.known: Constants = file.constants
        self.sizes: Shapes = file.sizes
        self.rows = {id(layer.node): layer for layer in file.layers}
        self.by_output = {layer.node.output[0]: layer for layer in file.layers}
        graph = self.known.graph.graph
        self.graph = graph
        self.nodes = [node for node in graph.node if node.output[0] not in self.known and node.op_type not in NOTHING]
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in self.read_by(node):
                self.readers.setdefault(name, []).append(node)
        self.half = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in graph.initializer)
        self.roots: dict[str, str] = {}
        for node in self.nodes:
            if self.in_passing(node):
                self.roots[node.output[0]] = self.root(node.input[0])

    def read_by(self, node: onnx.NodeProto) -> list[str]:
        """The tensors that a node reads and that are no constants."""
        return [name for name in dict.fromkeys(node.input) if name and name not in self.known]

    def root(self, name: str) -> str:
        """The tensor whose memory another one shares."""
        return self.roots.get(name, name)

    def in_passing(self, node: onnx.NodeProto) -> bool:
        """Whether a runtime does it in passing."""
        if node.op_type in VIEWS | QUANTIZING:
            return bool(self.read_by(node))
        maker = self.makers.get(self.root(node.input[0])) if node.input else None
        return node.op_type in ACTIVATIONS and maker is not None and self.multiplies(maker)

    def multiplies(self, node: onnx.NodeProto) -> bool:
        return node.op_type in ROLES and ROLES[node.op_type].kind in MULTIPLYING

    def elements(self, name: str) -> int:
        return math.prod(self.sizes.get(name, (0,)))

    def precision(self, node: onnx.NodeProto) -> Precision:
        """Of what a node computes with."""
        if node.op_type in INTEGER:
            return "int8"
        for name in self.read_by(node):
            maker = self.makers.get(name)
            if maker is not None and maker.op_type == "DequantizeLinear":
                return "int16" if self._is_wide(maker) else "int8"
        return "fp16" if self.half else "fp32"

    def _is_wide(self, node: onnx.NodeProto) -> bool:
        zero = self.known.stored.get(node.input[2]) if len(node.input) > 2 else None
        return zero is not None and zero.data_type in (onnx.TensorProto.UINT16, onnx.TensorProto.INT16)

    def layers(self) -> list[Layer]:
        """Every node that costs something."""
        depths: dict[str, int] = {}
        found = []
        for number, node in enumerate(self.nodes):
            read = self.read_by(node)
            depth = max((depths.get(self.root(name), 0) for name in read), default=0)
            if self.in_passing(node):
                continue
            depths.update(dict.fromkeys(node.output, depth + 1))
            found.append(self._layer(node, read, depth + 1, number))
        return found

    def _layer(self, node: onnx.NodeProto, read: list[str], depth: int, number: int) -> Layer:
        row = self.by_output.get(node.output[0])
        work = (macs(node, self.sizes) or 0) if row and self.multiplies(node) else 0
        shape = self.sizes.get(row.parts["weight"], ()) if row and "weight" in row.parts else ()
        if row and row.roles.kind in RECURRENT:
            shape = (math.prod(shape) + self.elements(node.input[2]),)
        kind, cin, cout = self._kind(node, shape) if work else ("elt", 0, 0)
        return Layer(
            name=node.name or f"{node.op_type}_{number}",
            kind=kind,
            macs=work,
            weights=math.prod(shape) if shape else 0,
            inputs=sum(self.elements(name) for name in read),
            outputs=sum(self.elements(name) for name in node.output if name),
            depth=depth,
            tensors=max(1, len(read)),
            cin=cin,
            cout=cout,
            precision=self.precision(node),
            operator=ROLES[node.op_type].kind if work else node.op_type,
        )

    def _kind(self, node: onnx.NodeProto, shape: tuple[int, ...]) -> tuple[Kind, int, int]:
        kind = ROLES[node.op_type].kind
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        if kind == "Conv":
            groups = attributes.get("group", 1)
            cin, cout = shape[1], shape[0] // groups
            strides = [*attributes.get("strides", (1,)), *(d for d in attributes.get("dilations", ()) if d > 1)]
            return kind_of_convolution(shape[2:], strides, groups, cin, cout), cin, cout
        if kind == "ConvTranspose":
            return "conv", shape[0] // attributes.get("group", 1), shape[1]
        result = self.sizes.get(node.output[0], (1,))
        reduced = self.sizes.get(node.input[0], (1,))[-1]
        one_row = kind in RECURRENT or math.prod(result[:-1]) == 1
        return ("fc" if one_row else "pw"), max(1, reduced), max(1, result[-1])

    def steps(self) -> tuple[list[Step], dict[str, int], set[str], set[str]]:
        """The nodes in order, bytes of every tensor that has memory, those that are there before, and after."""
        sizes: dict[str, int] = {}
        given = {value.name for value in self.graph.input if value.name not in self.known}
        for name in [*given, *self.makers]:
            root, each = self.root(name), self._bytes(name)
            sizes[root] = min(sizes.get(root, each), each) if each else sizes.get(root, 0)
        steps = []
        for number, node in enumerate(self.nodes):
            reads = {self.root(name) for name in self.read_by(node)}
            makes = {self.root(name) for name in node.output if name}
            steps.append(Step(node.name or f"{node.op_type}_{number}", reads, makes - reads))
        results = {self.root(value.name) for value in self.graph.output if value.name not in self.known}
        return steps, sizes, {self.root(name) for name in given}, results

    def _bytes(self, name: str) -> int:
        """Of a tensor as a runtime holds it: what goes into or comes out of integers is held as such."""
        maker = self.makers.get(name)
        around = [node for node in [maker, *self.readers.get(name, [])] if node is not None]
        pair = next((node for node in around if node.op_type in QUANTIZING), None)
        if pair is not None:
            return self.elements(name) * (2 if self._is_wide(pair) else 1)
        if maker is not None and maker.op_type.startswith("QLinear"):
            return self.elements(name)
        return self.elements(name) * (2 if self.half else 4)
