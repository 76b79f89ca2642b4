"""From a PyTorch network to an ONNX graph, under names that stay the same through every later step.

Initializers are named as in the state dict ("stage1.0.conv1.weight") and the nodes that use them as their layers
("stage1.0.conv1"). Batch normalisation that follows a convolution or a Linear is folded into it.

Tracing takes far longer than filling in numbers, so it is done once per structure: what comes of it is a template, a
graph without weights, and a network that differs only in its weights is exported by filling the template again.
"""

import copy
import io
import threading
import warnings
from collections import OrderedDict

import numpy as np
import onnx
import torch
from torch import nn

from edgekit.artifacts.folding import Template, template
from edgekit.artifacts.structure import structure

OPSET = 21
_TRACED_OPSET = 20
_KEPT = 32

_templates: OrderedDict[object, Template] = OrderedDict()
_one_at_a_time = threading.Lock()


def export(network: nn.Module, example: np.ndarray) -> onnx.ModelProto:
    """The network in eval mode as an ONNX graph with one input "input" and a free batch size.

    Args:
        network: stays untouched, whatever its mode.
        example: one batch (1, ...) to trace with, float32 or int64.

    Returns:
        A graph of its own, which the caller may change; opset 21, no metadata.
    """
    key = structure(network, example)
    with _one_at_a_time:  # the exporter keeps global state, and two jobs may want the same template
        found = _templates.get(key) if key is not None else None
        if found is None:
            found, depends_on_values = _trace(network, example, key is not None)
            if (
                key is not None and depends_on_values
            ):  # tracing read a weight: only the true weights give the true graph
                found, _ = _trace(network, example, False)
            elif key is not None:
                _templates[key] = found
                while len(_templates) > _KEPT:
                    _templates.popitem(last=False)
        else:
            _templates.move_to_end(key)
    return found.filled(_values(network))


def _trace(network: nn.Module, example: np.ndarray, for_any_weights: bool) -> tuple[Template, bool]:
    """A template, and whether Python code looked at values while it was traced."""
    network = copy.deepcopy(network).eval()
    if for_any_weights:
        _make_all_different(network)
    inputs = torch.from_numpy(np.ascontiguousarray(example))
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        torch.onnx.export(
            network,
            (inputs,),
            buffer,
            dynamo=False,  # the other exporter is 3 to 20 times slower and embeds 200 kB of metadata
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps batch normalisation apart: it is folded under our names
            do_constant_folding=False,  # folding would rename weights
            opset_version=_TRACED_OPSET,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        )
    read_values = any(issubclass(w.category, torch.jit.TracerWarning) for w in caught)
    graph = onnx.load_from_string(buffer.getvalue())
    graph.opset_import[0].version = OPSET  # from 20 to 21 the operators it writes only gained types
    return template(graph, set(_values(network))), read_values


def _make_all_different(network: nn.Module) -> None:
    """Random weights: the exporter merges weights that hold the same numbers, such as two biases of zeros."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator))


def _values(network: nn.Module) -> dict[str, np.ndarray]:
    """Every float parameter and buffer by name; shared ones under each of their names."""
    tensors = [*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)]
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors if tensor.is_floating_point()}
