"""A network with everything around it that is needed to run it, score it and explain it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgekit.core.anatomy import attentions, blocks
from edgekit.core.preprocessing import Pixels, Preprocessing
from edgekit.core.task import Task
from edgekit.core.technique import Fact

if TYPE_CHECKING:
    import onnx
    from torch import nn


@dataclass(frozen=True)
class Model:
    """A model that can be compressed. Either `network` or `graph` is there, or both.

    Attributes:
        id: "resnet8-cifar10".
        sha256: of the weights file: the model's identity in caches and runs.
        network: in eval mode; nobody may change it (Recipe works on a private copy).
        graph: a float ONNX graph, for models that came as a file.
        why_no_network: said where `network` is None.
        quantized: whether `graph` computes on codes already.
        input_shape: of one sample, without the batch.
        data: id of the data set in the catalog.
        labels: names of the classes; none where the task knows no classes.
        card: what its card.yaml says.
    """

    id: str
    title: str
    sha256: str
    input_shape: tuple[int, ...]
    data: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    task: Task
    network: nn.Module | None = None
    graph: onnx.ModelProto | None = None
    why_no_network: str = ""
    quantized: bool = False
    card: dict = field(default_factory=dict)

    def layers(self) -> list[str]:
        """Names of the layers with weight matrices or kernels, as patterns in settings mean them."""
        if self.network is not None:
            modules = self.network.named_modules()
            return [n for n, module in modules if getattr(getattr(module, "weight", None), "ndim", 0) > 1]
        stored = {tensor.name for tensor in self.graph.graph.initializer if len(tensor.dims) > 1}
        return [node.name for node in self.graph.graph.node if stored & set(node.input)]

    def facts(self) -> frozenset[Fact]:
        """What the first step of a recipe may count on."""
        facts = set() if self.quantized else {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}
        if self.network is not None:
            facts.add(Fact.NETWORK)
            if any("BatchNorm" in type(module).__name__ for module in self.network.modules()):
                facts.add(Fact.BATCH_NORM)
            facts |= {Fact.ATTENTION} if attentions(self.network) else set()
            facts |= {Fact.BLOCKS} if blocks(self.network) else set()
        images = isinstance(self.preprocessing, Pixels) and len(self.input_shape) == 3
        if images and not self.preprocessing.channels_last:
            facts |= {Fact.CHANNELS_FIRST} | ({Fact.COLOUR} if self.input_shape[0] == 3 else set())
        if self.data:
            facts |= {Fact.CALIBRATION_DATA} | ({Fact.TRAINING_DATA} if self.task.labelled else set())
        return frozenset(facts)
