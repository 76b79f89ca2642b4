"""Half precision: 16 bits for every weight and activation.  w ≈ ± m · 2ᵉ with 11 bits of m, from 6·10⁻⁸ to 65,504

The network takes and gives float32 as before: a Cast stands at each end, and around layers that are skipped and the few
operators that are kept in float32.

Costs: nothing to compute, about three digits of precision; half the size.
When it fails: it does not make a network faster on an ordinary processor: x86 cores have no 16-bit arithmetic that ONNX
Runtime uses, so it widens the weights while loading and computes in float32. GPUs and some accelerators gain speed.
Values beyond 65,504 have no code: a weight is cut (the changes say where), an activation becomes infinite.
Reference: Micikevicius et al. 2018, "Mixed Precision Training", arXiv:1710.03740; the format is IEEE 754 binary16.
"""

import fnmatch
from typing import Annotated

import onnx
from pydantic import Field

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique
from edgekit.models.graphs import array, lift_constants
from edgekit.techniques._graph import weight_layers
from edgekit.techniques._half import LARGEST, to_half


class QuantizeFp16(GraphTechnique):
    """Settings of half precision; see the module docstring."""

    skip: Annotated[list[str], Knob(help="Name patterns of layers to keep in float32.", advanced=True)] = Field(
        default_factory=list
    )

    title, family = "Half precision", "Quantization"
    effect = "Half the file; not faster on a processor"
    reference = "Micikevicius et al. 2018, arXiv:1710.03740"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})
    removes = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Convert the graph. Raises NothingToDo if no layer is left to convert."""
        lift_constants(graph)
        skipped = {name for name, _ in weight_layers(graph) if self._skips(name)}
        changes = []
        for name, layer in bench.each([item for item in weight_layers(graph) if item[0] not in skipped]):
            weight = array(graph, layer.weight)
            cut = int((abs(weight) > LARGEST).sum())
            note = f", {cut} weights cut to ± {LARGEST:,.0f}" if cut else ""
            changes.append(Change(name, f"16 bits per weight{note}"))
        if not changes:
            raise NothingToDo(f"{self.title} found no layer to convert. Skip fewer layers, or remove the step.")
        to_half(graph, {layer.node.output[0] for name, layer in weight_layers(graph) if name in skipped})
        return Applied(graph, changes)

    def _skips(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.skip)
