"""Factorisation: a layer becomes a product of thinner ones that hold fewer weights together.  W ≈ A B, of small rank

A Linear or 1 × 1 convolution becomes two (singular value decomposition). A larger kernel becomes K × 1 and then 1 × K
("spatial"), or 1 × 1, a K × K core of fewer channels, and 1 × 1 ("tucker"). `keep` is a share of each layer's weights
(`of` "weights"), and then the way with the least error is taken, or of its energy, and then the way with the fewest
weights. What should stay near (`fit`) are the outputs on calibration samples or the weights themselves: with half of
the weights and no training ResNet-8 (89.6 %) kept 81.2 % where outputs were fitted, and 37.3 % where weights were.
A layer "fc1" becomes "fc1.0" and "fc1.1". Layers whose factors would hold no fewer weights stay whole, and this is
said. Grouped convolutions stay whole, and so do the first and the last layer unless `edges` is set.

Costs: a pass over `samples` calibration samples with fit "outputs", and the eigenvectors of each layer, which take time
with the cube of its width. More and thinner layers: time falls less than weights, and may rise where layers are small.
When it fails: trained layers are rarely of low rank: without fine-tuning accuracy falls soon below half of the weights;
narrow convolutions have no rank to spare; the last layer of ten classes none at all.
Reference: spatial: Jaderberg et al. 2014, "Speeding up Convolutional Neural Networks with Low Rank Expansions",
arXiv:1405.3866; tucker: Kim et al. 2016, arXiv:1511.06530; fitting outputs: Zhang et al. 2015, arXiv:1505.06798.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._factors import Way, can_factorise, lost, thin_layers, ways
from edgekit.techniques._forward import called_layers, second_moments
from edgekit.techniques._settings import refuse_for_layers


class Factorize(Layerwise, NetworkTechnique):
    """Settings of factorisation; see the module docstring."""

    keep: Annotated[
        float, Knob(unit="share", step=0.05, help="Share of each layer's weights, or of its energy, that is kept.")
    ] = Field(0.5, ge=0.02, le=1)
    of: Annotated[
        Literal["weights", "energy"], Knob(help="What keep is a share of: it sets the size, or the error.")
    ] = "weights"
    method: Annotated[
        Literal["auto", "spatial", "tucker"],
        Knob(help="How kernels larger than 1 × 1 are split: K × 1 and 1 × K, or a core between two 1 × 1."),
    ] = "auto"
    fit: Annotated[
        Literal["outputs", "weights"],
        Knob(help="What the factors stay near: a layer's outputs on calibration samples, or its weights."),
    ] = "outputs"
    edges: Annotated[bool, Knob(help="Whether the first and the last layer are factorised too.", advanced=True)] = False
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Calibration samples for fit outputs.")
    ] = Field(256, ge=32, le=8192)

    title, family = "Factorisation", "Sharing and factoring"
    effect = "Smaller file; faster where the ranks are low"
    reference = "Jaderberg et al. 2014, arXiv:1405.3866"
    removes = frozenset({Fact.ATTENTION})
    identity = {"keep": 1.0}
    renames = True

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, and samples where outputs are fitted."""
        fits = {self.fit} | {values.get("fit") for values in self.layers.values()}
        return frozenset({Fact.FLOAT_WEIGHTS} | ({Fact.CALIBRATION_DATA} if "outputs" in fits else set()))

    @model_validator(mode="after")
    def _what_the_network_shares(self) -> Self:
        refuse_for_layers(self.layers, ("keep", "of", "method", "fit", "edges"))
        return self

    @torch.no_grad()
    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Factorise. Raises NothingToDo if no layer's factors would hold fewer weights than the layer."""
        found = self._chosen(called_layers(network, bench.example))
        fitted = [(name, layer) for name, layer, settings in found if settings.fit == "outputs"]
        moments, start = {}, 0.5 if fitted else 0.0
        if fitted:
            moments = second_moments(network, fitted, bench.calibration(self.samples), bench.part(0, start))
        changes, factorised = [], False
        for name, (layer, settings) in bench.part(start, 1).each((name, rest) for name, *rest in found):
            product = settings._product(layer, moments.get(name))
            if product is None:
                changes.append(Change(name, "left whole: its factors would hold no fewer weights"))
                continue
            network.set_submodule(name, thin_layers(layer, product.way.method, product.factors))
            changes.append(Change(f"{name}.0", f"{name} as {product.in_words(layer)}"))
            factorised = True
        if not factorised:
            raise NothingToDo(
                f"{self.title} found no layer whose factors hold fewer weights at keep {self.keep:g} of {self.of}. "
                "Lower keep, skip fewer layers, or remove the step."
            )
        return Applied(network.eval(), changes)

    def _chosen(self, named: list[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module, "Factorize"]]:
        """The layers to look at, each with its settings."""
        edges = {name for name, _ in (*named[:1], *named[-1:])}
        found = [(name, layer, self.for_layer(name)) for name, layer in named if can_factorise(layer)]
        return [one for one in found if one[2] and one[2].keep < 1 and (one[2].edges or one[0] not in edges)]

    def _product(self, layer: nn.Module, moments: Tensor | None) -> "Product | None":
        """Of least error where weights are given, of fewest weights where energy is; None if none saves any."""
        whole, found = layer.weight.numel(), []
        by_weights = self.of == "weights"
        for way in ways(layer, self.method, moments):
            ranks = way.ranks_for_weights(self.keep * whole) if by_weights else way.ranks_for_energy(self.keep)
            if ranks is not None and way.weights(ranks) < whole:
                factors = way.factors(ranks)
                found.append(Product(way, ranks, factors, lost(layer.weight, way.product(factors), moments)))
        worse = (lambda one: one.lost) if by_weights else (lambda one: one.way.weights(one.ranks))
        return min(found, key=worse, default=None)


@dataclass(frozen=True)
class Product:
    """A layer as a product: which way, of which ranks, the factors, and the share of the energy that is lost."""

    way: Way
    ranks: list[int]
    factors: list[Tensor]
    lost: float

    def in_words(self, layer: nn.Module) -> str:
        """What became of `layer`, for a Change."""
        rank = f"rank{'s' if len(self.ranks) > 1 else ''} {' and '.join(map(str, self.ranks))}"
        weights = self.way.weights(self.ranks) / layer.weight.numel()
        kept = f"{weights:.1%} of its weights, {1 - self.lost:.1%} of its energy"
        return f"{len(self.factors)} layers ({self.way.method}, {rank}): {kept}"
