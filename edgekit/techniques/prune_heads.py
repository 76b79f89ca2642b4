"""Head and feed-forward pruning: transformers lose whole attention heads and hidden units.  keep the n that matter most

A head takes its rows from the layers that make queries, keys and values and its columns from the layer that reads the
heads; a hidden unit of a feed-forward part takes a row and a column. The width between blocks stays. Heads are counted
to the nearest number, and at least one a layer stays; hidden units to the nearest multiple of `round_to`. Importance
"magnitude" is the norm of a unit's weights; "contribution" is what it adds to its layer's output on calibration
samples; "taylor" is how far the loss would move without it, to first order: the mean over training samples of
|Σ x · ∂loss/∂x|, x being what it puts out. Scores are divided by their norm in each layer, so that layers can be
compared: with scope "global" all heads compete, and all hidden units. Without half of both and before any
fine-tuning, a transformer of four blocks (85.6 % on Fashion-MNIST) still had 75.8 % by contribution, 75.1 by taylor and
70.6 by magnitude.

Costs: a pass over `samples` samples, with gradients for "taylor"; nothing for "magnitude".
When it fails: small transformers have no spare heads: without fine-tuning accuracy falls from the first one on. Scope
"global" may leave a layer a single head; by magnitude, which says little across layers, it lost 9 points at a quarter.
Reference: Michel et al. 2019, "Are Sixteen Heads Really Better than One?", arXiv:1905.10650; feed-forward width: Hou et
al. 2020, "DynaBERT", arXiv:2004.04037.
"""

from math import ceil
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._heads import Units, heads, hidden_units, importances, remove
from edgekit.techniques._layers import pools


class PruneHeads(Layerwise, NetworkTechnique):
    """Settings of head and feed-forward pruning; see the module docstring."""

    sparsity: Annotated[float, Knob(unit="share", step=0.05, help="Share of the attention heads removed.")] = Field(
        0.25, ge=0, le=0.95
    )
    feed_forward: Annotated[
        float, Knob(unit="share", step=0.05, help="Share of the hidden units of feed-forward parts removed.")
    ] = Field(0.25, ge=0, le=0.95)
    importance: Annotated[
        Literal["contribution", "taylor", "magnitude"], Knob(help="What makes a head or hidden unit worth keeping.")
    ] = "contribution"
    scope: Annotated[
        Literal["per layer", "global"],
        Knob(help="Remove the same share of every layer, or what matters least in all layers."),
    ] = "per layer"
    round_to: Annotated[
        int, Knob(unit="hidden units", help="Keep a multiple of this many, which processors compute fastest.")
    ] = Field(8, ge=1, le=64)
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Samples for importance taylor and contribution.")
    ] = Field(512, ge=32, le=8192)

    title, family = "Head and feed-forward pruning", "Pruning"
    effect = "Smaller file and faster, for transformers"
    reference = "Michel et al. 2019, arXiv:1905.10650"
    identity = {"sparsity": 0.0, "feed_forward": 0.0}

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights and attention, and what the importances in use look at."""
        used = {self.importance} | {values.get("importance") for values in self.layers.values()}
        facts = {Fact.FLOAT_WEIGHTS, Fact.ATTENTION}
        facts |= {Fact.TRAINING_DATA} if "taylor" in used else set()
        facts |= {Fact.CALIBRATION_DATA} if "contribution" in used else set()
        return frozenset(facts)

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Remove heads and hidden units. Raises NothingToDo if rounding and skipping leave all of them."""
        found = [(units, self._for_units(units)) for units in (*heads(network), *hidden_units(network))]
        found = [(units, settings) for units, settings in found if settings is not None and settings.share(units)]
        scored = _scored(network, found, bench.part(0, 0.9))
        changes = []
        for _, (units, scores, kept) in bench.part(0.9, 1).each((one[0].reader, one) for one in _kept(scored)):
            if kept < units.count:
                remove(network, units, scores.argsort(stable=True)[: units.count - kept])
                changes += [Change(layer, f"{kept} of {units.count} {units.kind} kept") for layer in units.makers]
        if not changes:
            raise NothingToDo(
                f"{self.title} keeps every head at sparsity {self.sparsity:g} and every hidden unit at feed_forward "
                f"{self.feed_forward:g} in multiples of {self.round_to}. Raise them, lower round_to, skip fewer "
                "layers, or remove the step."
            )
        return Applied(network.eval(), changes)

    def share(self, units: Units) -> float:
        """The share of such units to remove."""
        return self.sparsity if units.kind == "heads" else self.feed_forward

    def _for_units(self, units: Units) -> "PruneHeads | None":
        """The most careful of its layers' settings; None if one of them is skipped."""
        settings = [self.for_layer(layer) for layer in units.layers]
        return None if None in settings else min(settings, key=lambda one: one.share(units))


Scored = tuple[Units, PruneHeads, Tensor]  # scores (count,): the more, the more it matters


def _scored(network: nn.Module, found: list[tuple[Units, PruneHeads]], bench: Bench) -> list[Scored]:
    """All units with their scores, measured once for each kind of importance in use."""
    kinds, scored = sorted({settings.importance for _, settings in found}), []
    for number, kind in enumerate(kinds):
        chosen = [(units, settings) for units, settings in found if settings.importance == kind]
        samples = max(settings.samples for _, settings in chosen)
        here = bench.part(number / len(kinds), (number + 1) / len(kinds))
        scores = importances(network, [units for units, _ in chosen], kind, here, samples)
        scored += [(*pair, score) for pair, score in zip(chosen, scores, strict=True)]
    return scored


def _kept(scored: list[Scored]) -> list[tuple[Units, Tensor, int]]:
    """How many each of them keeps."""
    kept = []
    for kind in ("heads", "hidden units"):
        members = [one for one in scored if one[0].kind == kind]
        for pool in pools([settings for _, settings, _ in members]):
            kept += _kept_of_pool([members[number] for number in pool])
    return kept


def _kept_of_pool(members: list[Scored]) -> list[tuple[Units, Tensor, int]]:
    """The same for units that compete with one another."""
    scores = torch.cat([scores for _, _, scores in members])
    share = members[0][1].share(members[0][0])
    gone = scores.argsort(stable=True)[: ceil(share * len(scores) - 0.5)]
    stays = torch.ones(len(scores), dtype=torch.bool).index_fill_(0, gone, False)
    parts = stays.split([units.count for units, _, _ in members])
    return [
        (units, scores, _rounded(int(part.sum()), units.count, 1 if units.kind == "heads" else settings.round_to))
        for (units, settings, scores), part in zip(members, parts, strict=True)
    ]


def _rounded(wanted: int, count: int, multiple: int) -> int:
    """The multiple nearest to `wanted`, above 0, or all of them if that is nearer; of two equally near, the larger."""
    return min((*range(multiple, count, multiple), count), key=lambda some: (abs(some - wanted), -some))
