"""The parts of a graph that do not depend on its input: what they evaluate to, and what is stored for them."""

from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


@dataclass
class Constants:
    """Every constant value of a graph.

    Attributes:
        stored: name -> the tensor in the file (initializers and Constant nodes).
        made_by: name -> the node that computes it from other constants.
        values: name -> array, filled by `evaluate`.
    """

    graph: onnx.ModelProto
    stored: dict[str, TensorProto]
    made_by: dict[str, onnx.NodeProto]
    values: dict[str, np.ndarray] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.stored or name in self.made_by

    def evaluate(self, names: set[str]) -> None:
        """Work out these constants as the runtime does, all at once."""
        for name in names & set(self.stored):
            self.values[name] = numpy_helper.to_array(self.stored[name])
        computed = sorted(names - set(self.stored))
        if computed:
            self.values.update(zip(computed, self._run(computed), strict=True))

    def sources(self, name: str) -> set[str]:
        """The stored tensors that a constant is made from."""
        if name in self.stored:
            return {name}
        return set().union(*(self.sources(source) for source in self.made_by[name].input if source))

    def _run(self, names: list[str]) -> list[np.ndarray]:
        outputs = [onnx.ValueInfoProto(name=name) for name in names]
        nodes = list({id(node): node for node in self._nodes_for(names)}.values())
        read = {name for node in nodes for name in node.input}
        tensors = [_named(tensor, name) for name, tensor in self.stored.items() if name in read]
        part = helper.make_model(
            helper.make_graph(nodes, "constants", [], outputs, tensors),
            opset_imports=self.graph.opset_import,
            functions=self.graph.functions,
            ir_version=self.graph.ir_version,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(names, {})

    def _nodes_for(self, names: list[str]) -> list[onnx.NodeProto]:
        """The nodes that make these constants, in an order in which they can run."""
        wanted, nodes = set(names), []
        for node in reversed(self.graph.graph.node):
            if wanted & set(node.output) and node.output[0] in self.made_by:
                wanted.update(node.input)
                nodes.append(node)
        return nodes[::-1]


def constants(graph: onnx.ModelProto) -> Constants:
    """Find all constants; none is evaluated yet."""
    inputs = {value.name for value in graph.graph.input}
    stored = {tensor.name: tensor for tensor in graph.graph.initializer if tensor.name not in inputs}
    made_by: dict[str, onnx.NodeProto] = {}
    for node in graph.graph.node:
        value = next((a.t for a in node.attribute if node.op_type == "Constant" and a.name == "value"), None)
        if value is not None:
            stored[node.output[0]] = value
        elif all(name in stored or name in made_by for name in node.input if name) and _is_pure(node):
            made_by.update({name: node for name in node.output if name})
    return Constants(graph, stored, made_by)


def _is_pure(node: onnx.NodeProto) -> bool:
    """Whether the same inputs always give the same outputs, and all inputs are listed."""
    return "Random" not in node.op_type and not any(a.HasField("g") or a.graphs for a in node.attribute)


def _named(tensor: TensorProto, name: str) -> TensorProto:
    twin = TensorProto()
    twin.CopyFrom(tensor)
    twin.name = name
    return twin
