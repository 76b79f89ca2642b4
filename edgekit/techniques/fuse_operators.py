"""Fused operators: what follows a layer is done by the layer itself.  act(BN(W x + b)) = fused(W', b', x)

Three kinds, each with a switch. Batch normalisation, and other products and sums with constants, go into the weights of
the layer before them. Activations run inside the convolution or matrix product, on numbers that are still in the
processor's registers. Operators whose inputs are all constant are worked out once. What does nothing is left out in any
case. ONNX Runtime does the rewriting, and this step stores what it made.

Level "basic" writes standard ONNX only; "extended" also ONNX Runtime's own fused operators, which no other runtime
reads. Its next levels lay weights out for the processor at hand, so a file of them is good for one kind of machine:
they are left to whoever loads the file.

Costs: nothing but a moment; not a number is changed beyond its last digits.
When it fails: to make anything faster in ONNX Runtime, which fuses the same while it loads a plain file: this step
saves loading time and makes visible what is fused. The export has folded batch normalisation already, so basic finds
work only in files that came from elsewhere. What is fused in this way can no longer be quantized: do that instead.
Reference: Jacob et al. 2018, arXiv:1712.05877, section 3.2 (folding); fusion as rewriting: Chen et al. 2018, "TVM: An
Automated End-to-End Optimizing Compiler for Deep Learning", arXiv:1802.04799.
"""

from typing import Annotated

import onnx

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique
from edgekit.models.graphs import lift_constants
from edgekit.techniques._fusing import Level, differences, restore_names, rewritten

OPTIMISERS = {  # switch -> the optimisers of ONNX Runtime that it stands for
    "batch_norm": ("ConvBNFusion", "ConvMulFusion", "ConvAddFusion", "MatMulScaleFusion"),
    "activations": (
        "ConvActivationFusion", "ConvAddActivationFusion", "GemmActivationFusion", "MatMulActivationFusion",
        "BiasGeluFusion", "BiasSoftmaxFusion",
    ),
    "constants": ("ConstantFolding",),
}  # fmt: skip


class FuseOperators(GraphTechnique):
    """Settings of operator fusion; see the module docstring."""

    level: Annotated[Level, Knob(help="Standard operators only, or also those that only ONNX Runtime knows.")] = (
        "extended"
    )
    batch_norm: Annotated[bool, Knob(help="Fold batch normalisation and constant factors into layers.")] = True
    activations: Annotated[bool, Knob(help="Run activations inside the layer before; needs level extended.")] = True
    constants: Annotated[bool, Knob(help="Work out beforehand what depends on constants alone.")] = True

    title, family = "Operator fusion", "Input and graph"
    effect = "Fewer operators to run; a runtime does most of it by itself when it loads a file"
    reference = "Jacob et al. 2018, arXiv:1712.05877"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})
    identity = {}

    @property
    def removes(self) -> frozenset[Fact]:
        """At level extended, what later graph steps could read."""
        return frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}) if self.level == "extended" else frozenset()

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Have the graph rewritten. Raises NothingToDo if nothing in it can be fused with these settings."""
        bench.progress(0.0, "fusing operators")
        lift_constants(graph)
        off = [name for switch, names in OPTIMISERS.items() if not getattr(self, switch) for name in names]
        fused = rewritten(graph, self.level, off)
        found = differences(graph, fused)
        if not found:
            raise NothingToDo(
                f"{self.title} found nothing to fuse at level {self.level} with these switches; batch normalisation "
                "was folded by the export. Choose level extended, switch more on, or remove the step."
            )
        restore_names(graph, fused, found)
        bench.progress(1.0, "done")
        return Applied(fused, [Change(one.node.name, str(one)) for one in found])
