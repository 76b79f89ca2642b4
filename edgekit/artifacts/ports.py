"""What goes into a file and what comes out keeps the names that a person's own code feeds and reads."""

import onnx

from edgekit.models.onnx_file import inputs


def named_as(graph: onnx.ModelProto, original: onnx.ModelProto) -> onnx.ModelProto:
    """The graph itself if its inputs and outputs are called as the original's, else a copy in which they are."""
    ours, theirs = ([*inputs(one), *one.graph.output] for one in (graph, original))
    renamed = {a.name: b.name for a, b in zip(ours, theirs, strict=False) if a.name != b.name}
    if not renamed:
        return graph
    taken = {name for node in graph.graph.node for name in (*node.input, *node.output)} - set(renamed)
    inner = {name: f"{name}.inner" for name in taken & set(renamed.values())}  # an inner tensor that has the name
    found = onnx.ModelProto()
    found.CopyFrom(graph)
    names = renamed | inner
    for node in found.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*found.graph.input, *found.graph.output, *found.graph.initializer, *found.graph.value_info):
        value.name = names.get(value.name, value.name)
    return found
