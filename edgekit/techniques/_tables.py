"""Tables of vectors that a network looks up, such as one for each word piece, as 8-bit codes.

Codes are looked up, and only what was found is decoded, with a scale for each column: a table is much larger than the
few rows that a sample needs.
"""

from collections.abc import Callable

import onnx
from onnx import helper

from edgekit.core.technique import Change
from edgekit.models.graphs import array, attribute, copied, free_name, readers, replace_nodes, store
from edgekit.techniques._codes import encode


def tables(graph: onnx.ModelProto, wanted: Callable[[str], bool]) -> dict[str, onnx.NodeProto]:
    """Name -> node of each look-up in a float table that nothing else reads, of those that are `wanted` by name."""
    stored = {t.name for t in graph.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) == 2}
    fixed, read_by, found = {t.name for t in graph.graph.initializer}, readers(graph), {}
    for node in graph.graph.node:
        looks_up = node.op_type == "Gather" and node.input[0] in stored and not attribute(node, "axis", 0)
        if looks_up and node.input[1] not in fixed and len(read_by[node.input[0]]) == 1 and wanted(node.name):
            found[node.name] = node
    return found


def write_tables(graph: onnx.ModelProto, chosen: dict[str, onnx.NodeProto]) -> list[Change]:
    """Turn these look-ups, in place, into Gather of int8 codes → DequantizeLinear."""
    nodes, taken = [], set()
    for node in graph.graph.node:
        nodes.append(copied(node))
        if node.name not in chosen or node.op_type != "Gather":
            continue
        table, found = node.input[0], node.output[0]
        codes = encode(array(graph, table), 1, 8)
        scale, zero, looked_up = (
            free_name(graph, wish, taken) for wish in (f"{table}_scale", f"{table}_zeros", f"{found}_codes")
        )
        store(graph, table, codes.codes)
        store(graph, scale, codes.scale)  # (columns,)
        store(graph, zero, codes.zero_point)
        nodes[-1].output[0] = looked_up
        nodes.append(helper.make_node("DequantizeLinear", [looked_up, scale, zero], [found], axis=-1))
    replace_nodes(graph, nodes)
    return [Change(name, "int8 table with a scale per column, decoded where it is looked up") for name in chosen]
