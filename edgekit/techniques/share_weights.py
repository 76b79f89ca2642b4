"""Weight sharing: few values for all weights of a layer, and a short code for each.  w ≈ value[code]

k-means finds for each layer the 2ᵇ values with the least squared error. Its first centres lie as far apart from the
least to the largest weight ("linear"), so that large weights, which are few and matter most, get values of their own;
with as many weights between each two ("density"); or on random weights. At 5 bits ResNet-8 lost 1.7 points from linear
first centres, 8.4 by density, and 6.3 from random ones.

Pruned weights stay exactly zero, and where they are many, zero needs no code: the file stores the others and where they
lie. With `epochs`, the values learn on while the codes stay: a value moves against the mean gradient of the weights
that share it,

    value ← value − η · (Σ ∂loss/∂w) / n,

which is Han et al.'s sum of the gradients, with a step that suits clusters of any size n. Batch normalisation learns
along, and ends as one factor for each output channel.

Costs: a fraction of a second; with training, an epoch is one pass over the training samples. Nothing at run time:
values are looked up once, when a runtime loads the file. It is smaller then, and no faster.
When it fails: below 4 bits in convolutions without training. Large layers that were pruned stand fewer: LeNet-5 on
MNIST with 94 % zeros, and 4 bits in convolutions and 3 in matrix products, lost 0.08 points and is 54 times smaller.
Weights that are spread evenly gain nothing over low-bit weights, which need no table and can be multiplied as integers.
Reference: Han et al. 2016, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and
Huffman Coding", arXiv:1510.00149.
"""

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
import onnx
from pydantic import Field, model_validator
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.encoding import Codebook
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.models.graphs import array, store
from edgekit.techniques._clusters import Clusters, Start, cluster
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._graph import weight_layers as graph_layers
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._learned_codes import gains
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._train import Training, train


class ShareWeights(Layerwise, Training, NetworkTechnique):
    """Settings of weight sharing; see the module docstring."""

    bits: Annotated[int, Knob(unit="bits", step=1, help="Bits of a code in convolutions: 2 to that power values.")] = (
        Field(6, ge=1, le=8)
    )
    dense_bits: Annotated[
        int, Knob(unit="bits", step=1, help="Bits of a code in matrix products, which stand fewer values.")
    ] = Field(5, ge=1, le=8)
    start: Annotated[Start, Knob(help="Where k-means begins to look for values.", advanced=True)] = "linear"
    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples; 0 keeps the values found.")] = (
        Field(0, ge=0, le=100)
    )

    effect = "Smaller file, not faster"
    title, family = "Weight sharing", "Sharing and factoring"
    reference = "Han et al. 2016, arXiv:1510.00149"
    removes = frozenset({Fact.NETWORK, Fact.FLOAT_WEIGHTS})

    @property
    def trains(self) -> bool:
        """Only if asked to."""
        return self.epochs > 0

    @property
    def needs(self) -> frozenset[Fact]:
        """Labels only to learn from."""
        return frozenset({Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA} if self.trains else {Fact.FLOAT_WEIGHTS})

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("bits", "dense_bits", "start"))
        return self

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Share weights. Raises NothingToDo if no layer is left to do it in."""
        found = self._clusters(network, bench, bench.part(0, 0.1 if self.trains else 0.9))
        if not found:
            raise NothingToDo(
                f"{self.title} found no convolution or linear layer with weights. "
                "Skip fewer layers, or remove the step."
            )
        curve = []
        if self.trains:
            network, curve = train(network, bench.part(0.1, 0.9), self, after_step=lambda: _share(network, found))
        _share(network, found)
        graph = bench.export(network)
        encodings = _encodings(graph, network, found)
        bench.progress(1.0, "codes written")
        modules = dict(weight_layers(network))
        changes = [Change(name, _in_words(one, modules[name])) for name, one in found.items()]
        return Applied(graph, changes, encodings, curve)

    def _clusters(self, network: nn.Module, bench: Bench, here: Bench) -> dict[str, Clusters]:
        """Layer name -> its clusters, for the layers whose weights the graph holds."""
        stored = {layer.weight for _, layer in graph_layers(bench.export(network))}
        layers = [(name, layer) for name, layer in weight_layers(network) if f"{name}.weight" in stored]
        found = {}
        for name, layer in here.each((name, layer) for name, layer in layers if self.for_layer(name)):
            own = self.for_layer(name)
            bits = own.dense_bits if isinstance(layer, nn.Linear) else own.bits
            found[name] = cluster(layer.weight, bits, own.start, bench.seed)
        return found


def _share(network: nn.Module, found: Mapping[str, Clusters]) -> None:
    for name, layer in weight_layers(network):
        if name in found:
            found[name].share(layer.weight)


def _encodings(graph: onnx.ModelProto, network: nn.Module, found: Mapping[str, Clusters]) -> dict[str, Codebook]:
    """The codebooks, in the graph's shapes; its weights become what they decode to."""
    modules, encodings = dict(weight_layers(network)), {}
    layers = {layer.weight: layer for _, layer in graph_layers(graph)}
    for name, clusters in found.items():
        layer = layers[f"{name}.weight"]
        encodings[layer.weight] = _codebook(clusters, modules[name], layer, array(graph, layer.weight))
        store(graph, layer.weight, encodings[layer.weight].decode())
    return encodings


def _codebook(clusters: Clusters, module: nn.Module, layer: GraphLayer, folded: np.ndarray) -> Codebook:
    """Folding multiplied each channel by a gain: the codes stay, and the gain is their channel's scale."""
    turned = isinstance(module, nn.Linear) and layer.axis == 1  # a matrix product that takes the weight transposed
    codes = clusters.codes.numpy().T if turned else clusters.codes.numpy()
    values = clusters.values(module.weight).numpy().astype(np.float32)
    scale = gains(values[codes], layer.axis, folded, layer.axis)
    scale = np.ones(1) if np.allclose(scale, 1, rtol=1e-6) else scale
    bits = max(1, int(clusters.count - 1).bit_length())
    return Codebook(np.ascontiguousarray(codes), values, scale.astype(np.float32), bits, layer.axis)


def _in_words(clusters: Clusters, layer: nn.Module) -> str:
    shared, zeros = clusters.count - clusters.with_zero, int((clusters.codes == 0).sum()) if clusters.with_zero else 0
    words = f"{layer.weight.numel() - zeros:,} weights share {shared} values"
    return f"{words}, {zeros:,} stay zero" if zeros else words
