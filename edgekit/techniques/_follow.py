"""Finding the tensors of an exported graph again in the network that it came from, to put something behind each.

The network is traced (torch.fx) into a list of calls, and the same samples are sent through both: where a call gives
what a tensor of the graph holds, that is its place. This needs no table of which operators become which.
"""

from collections.abc import Mapping

import numpy as np
import onnx
import torch
from torch import Tensor, fx, nn

from edgekit.core.errors import ModelError
from edgekit.techniques._calibrate import open_session
from edgekit.techniques._plan import Plan

CLOSE = 1e-3  # of a tensor's largest value: what folding and other kernels may change


def followed(
    network: nn.Module, graph: onnx.ModelProto, what: Plan, behind: Mapping[str, nn.Module], inputs: np.ndarray
) -> tuple[fx.GraphModule, dict[str, fx.Node]]:
    """A twin of `network`, in eval mode, that shares its layers and sends some tensors through further modules.

    As in the file, what works on integers reads what comes out of a module, and what stays float reads the tensor
    itself, unless that is made of integers.

    Args:
        graph: the network's float graph, exported.
        what: which parts of the graph work on integers.
        behind: tensor of the graph -> the module to put behind it. Tensors that hold the same share the first's.
        inputs: (n, ...) of the network; a few samples are enough.

    Returns:
        the twin, and for tensors of the graph the first of its calls that gives each, as far as there is one.

    Raises:
        ModelError: a network whose calls depend on values, or in which a tensor has no place.
    """
    traced = _traced(network.eval())
    places = _places(traced, graph, list(dict.fromkeys([*behind, *sorted(what.integer)])), inputs)
    if lost := [name for name in behind if name not in places]:
        raise ModelError(
            "every tensor that gets codes must be what a call in the network gives, to train with the codes in its "
            f"place; {len(lost)} of {len(behind)} are not, such as '{lost[0]}'. Set activation_bits to float."
        )
    on_integers = {places[name] for name in what.integer if name in places}
    layers = {layer.weight.rpartition(".")[0] for layer in what.layers.values()}
    done = set()
    for number, (name, module) in enumerate(behind.items()):
        place = places[name]
        if place in done:
            continue
        done.add(place)
        readers = [
            user
            for user in place.users
            if name in what.integer or user in on_integers or (user.op == "call_module" and user.target in layers)
        ]
        traced.add_submodule(f"behind.{number}", module)
        with traced.graph.inserting_after(place):
            after = traced.graph.call_module(f"behind.{number}", (place,))
        for user in readers:
            user.replace_input_with(place, after)
    traced.recompile()
    return traced, places


def _traced(network: nn.Module) -> fx.GraphModule:
    try:
        return fx.symbolic_trace(network)
    except Exception as error:  # whatever the network's own code raises when it meets a symbol instead of a tensor
        raise ModelError(
            "a network must make the same calls for every input, to be trained with codes between them; this one "
            f"could not be followed ({type(error).__name__}: {error}). Set activation_bits to float."
        ) from error


@torch.no_grad()
def _places(traced: fx.GraphModule, graph: onnx.ModelProto, names: list[str], inputs: np.ndarray) -> dict[str, fx.Node]:
    session = open_session(graph, names)
    values = session.run(names, {session.get_inputs()[0].name: inputs})
    search = _Search(traced, {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)})
    search.run(torch.from_numpy(np.ascontiguousarray(inputs)))
    return search.places


class _Search(fx.Interpreter):
    """Runs the calls one by one, and looks at what each gives before a later one may change it in place."""

    def __init__(self, traced: fx.GraphModule, wanted: Mapping[str, Tensor]):
        super().__init__(traced)
        self.wanted = wanted
        self.places: dict[str, fx.Node] = {}

    def run_node(self, n: fx.Node) -> object:
        """See fx.Interpreter."""
        value = super().run_node(n)
        if isinstance(value, Tensor) and n.op != "output":
            for name, tensor in self.wanted.items():
                if name not in self.places and _same(value, tensor):
                    self.places[name] = n
        return value


def _same(value: Tensor, wanted: Tensor) -> bool:
    if value.shape != wanted.shape or value.dtype != wanted.dtype:  # such as the mask of a text
        return False
    return bool((value - wanted).abs().max() <= CLOSE * wanted.abs().max())
