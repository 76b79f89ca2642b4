"""Magnitude pruning: the weights that matter least become zero.  w ← w · [s > t], with t the sparsity-quantile of s

How much a weight matters is its `score` s: its size |w| (magnitude); |w| · ‖x‖₂ with the inputs x that it multiplies,
seen on calibration samples (wanda); or |w · ∂loss/∂w|, about how much the loss would change without it (taylor). One
threshold serves the whole network (scope "global") or each layer has its own ("per layer"); wanda's scores only compare
within a layer, and in matrix products, as its paper has it, within the weights of one output.

With a pattern, zeros come where hardware can skip them. 2:4 (NVIDIA's sparse tensor cores) and 4:8 zero half of every M
neighbours along a layer's inputs; as in NVIDIA's tool, layers whose number of inputs is no multiple of M (a first layer
that sees 3 colours) are left alone. "kernel" zeroes whole K × K kernels of convolutions, those whose scores have the
least L2 norm: sparsity is then a share of kernels, and matrix products, which have none, are left alone.

In several `rounds` the share of zeros climbs as s_t = s · (1 − (1 − t/n)³): fast while there is much to spare, then in
ever smaller steps. Each round scores the weights anew and, with `epochs`, trains what is left, zeros held. One learning
rate climbs and falls over all rounds, so that the most zeros get the finest steps: ResNet-8 with 85 % zeros after 12
epochs of 4,000 images was 83.6 % right in four rounds, 83.1 % with a rate that restarts in each, 82.5 % in one round.

Behind a quantization step a pruned weight takes the code that means zero. It goes by its magnitude there, |scale ·
(code − zero point)|, and cannot train. Batch normalisation is part of the weights by then, so that the layers' sizes no
longer compare: with scope "global" a weight counts for w² / Σ u² over all weights u of its layer with |u| ≥ |w| (LAMP).
Half zeros behind static 8-bit quantization so leave ResNet-8 82 % right, and by plain size 11 %; before it, 81 %.

Costs: nothing at run time, one sort of the weights a round, wanda and taylor a pass over `samples`, and the training
asked for. Zeros are left out of the file, which then holds the other weights and where they lie: with 92 % zeros
LeNet-5 takes a tenth of its bytes. On a processor it is as fast as before; only hardware that skips zeros gains time.
When it fails: above about 80 % zeros without training, sooner in small networks; "per layer" hurts the first and last
layers most, which have few weights to spare. Whole kernels cost more accuracy than as many single weights.
Reference: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", arXiv:1506.02626;
wanda: Sun et al. 2023, arXiv:2306.11695; taylor: Lee et al. 2019, "SNIP", arXiv:1810.02340, and Molchanov et al. 2019,
arXiv:1906.10771; patterns: Mishra et al. 2021, arXiv:2104.08378; kernels: Mao et al. 2017, arXiv:1705.08922; rounds:
Zhu and Gupta 2017, "To prune, or not to prune", arXiv:1710.01878; LAMP: Lee et al. 2021, arXiv:2010.07611.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

import onnx
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.encoding import Stored
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique, OnCodes
from edgekit.models.graphs import lift_constants
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._sparsity import NEIGHBOURS, Pattern, Scored, going
from edgekit.techniques._stored_weights import stored_weights
from edgekit.techniques._train import Training, train
from edgekit.techniques._weight_scores import by_gradients, by_inputs

SCORING = 0.05  # of the time goes into the first scores, where it also trains
Enter = Callable[[int, Bench], None]  # lets go what goes by a round, numbered from 1


class PruneWeights(Layerwise, Training, OnCodes, NetworkTechnique):
    """Settings of magnitude pruning; see the module docstring."""

    sparsity: Annotated[float, Knob(unit="share", step=0.05, help="Share of the weights set to zero.")] = Field(
        0.5, ge=0, le=0.99
    )
    score: Annotated[
        Literal["magnitude", "wanda", "taylor"],
        Knob(help="What makes a weight worth keeping: its size, that times its inputs, or its effect on the loss."),
    ] = "magnitude"
    scope: Annotated[
        Literal["global", "per layer"],
        Knob(help="Compare weights across the whole network, or within each layer. N:M patterns and wanda need none."),
    ] = "global"
    pattern: Annotated[
        Pattern,
        Knob(help="Zero whole kernels, or half of every M neighbours (sparsity 0.5), for hardware that skips zeros."),
    ] = "none"
    rounds: Annotated[int, Knob(unit="rounds", help="Steps in which the share of zeros climbs, slower and slower.")] = (
        Field(1, ge=1, le=20)
    )
    epochs: Annotated[int, Knob(unit="epochs", help="Training after each round; 0 for none.")] = Field(0, ge=0, le=100)
    learning_rate: Annotated[float, Knob(log=True, help="The highest of all rounds, reached after a tenth.")] = Field(
        0.02, ge=1e-5, le=0.5
    )
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Training samples that wanda and taylor look at.")
    ] = Field(512, ge=32, le=8192)

    title, family = "Magnitude pruning", "Pruning"
    effect = "Smaller file, not faster"
    reference = "Han et al. 2015, arXiv:1506.02626"
    identity = {"sparsity": 0.0}

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, what the score looks at, and labels to train with."""
        facts = {Fact.FLOAT_WEIGHTS}
        facts |= {Fact.CALIBRATION_DATA} if self.score == "wanda" else set()
        facts |= {Fact.TRAINING_DATA} if self.score == "taylor" or self.trains else set()
        return frozenset(facts)

    @property
    def trains(self) -> bool:
        """Only if asked to."""
        return self.epochs > 0

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        refuse_for_layers(self.layers, ("sparsity", "scope", "pattern"))
        if self.pattern in NEIGHBOURS and self.sparsity != 0.5:
            raise ValueError(
                f"pattern {self.pattern} zeroes half of the weights, so sparsity must be 0.5, not {self.sparsity:g}. "
                "Leave sparsity out, or set pattern to none."
            )
        return self

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Zero weights, in rounds, and train in between. Raises NothingToDo if all that would go is zero already."""
        before, curve = _zeros(network), []
        masks: dict[str, Tensor] = {}
        left: dict[str, str] = {}
        about: dict[str, float] = {}

        def enter(number: int, here: Bench) -> None:
            scored, others = self._scored(network, here)
            if number == 1:
                self._check_that_something_goes(scored)
            masks.update(zip(scored, going(scored.values(), 1 - (1 - number / self.rounds) ** 3), strict=True))
            left.update(others)
            _put_zeros(network, masks)
            about.update(round=number, sparsity=_share(_zeros(network)))

        if self.trains:
            curve = self._train(network, bench, enter, lambda: _put_zeros(network, masks), about)
        else:
            for number in range(1, self.rounds + 1):
                enter(number, bench.part((number - 1) / self.rounds, number / self.rounds))
        return Applied(network, _changes(before, _zeros(network), left), curve=curve)

    def apply_to_codes(self, graph: onnx.ModelProto, encodings: Mapping[str, Stored], bench: Bench) -> Applied:
        """Give the smallest weights the code that means zero. Raises NothingToDo if all that would go have it."""
        lift_constants(graph)
        weights = {one.layer: one for one in stored_weights(graph, encodings)}
        values = {name: torch.from_numpy(one.values()) for name, one in bench.part(0, 0.5).each(weights.items())}
        before = {name: value == 0 for name, value in values.items()}
        sizes = {name: value.abs() for name, value in values.items()}
        inputs = {name: 1 - one.axis for name, one in weights.items()}
        scored, left = self._compared(before, sizes, inputs, folded=True)
        for name in [name for name in scored if weights[name].zeros() is None]:
            left[name] = f"left alone: none of the {len(weights[name].encoding.values)} values of its codebook is zero"
            del scored[name]
        self._check_that_something_goes(scored)
        masks, changed = dict(zip(scored, going(scored.values()), strict=True)), {}
        for name, mask in bench.part(0.5, 1).each(masks.items()):
            encoding = weights[name].put_zeros(graph, mask.numpy())
            if weights[name].tensor in encodings:
                changed[weights[name].tensor] = encoding
        return Applied(graph, _changes(before, before | masks, left), changed)

    def wrong_for_codes(self) -> list[str]:
        """Scores that look at data, and training, take a network."""
        wrong = [] if self.score == "magnitude" else [f"score must be magnitude, not {self.score}"]
        return wrong + ([f"epochs must be 0, not {self.epochs}"] if self.trains else [])

    def _train(
        self, network: nn.Module, bench: Bench, enter: Enter, hold: Callable[[], None], about: dict[str, float]
    ) -> list[dict]:
        """Train in place through all rounds, and return the curve; each round is entered with its first update."""
        enter(1, bench.part(0, SCORING))
        rest, done = bench.part(SCORING, 1), 0
        per_round = self.epochs * max(1, bench.training_size // self.batch_size)

        def after_step() -> None:
            nonlocal done
            hold()
            if done and done % per_round == 0:
                now = done / (per_round * self.rounds)
                enter(done // per_round + 1, rest.part(now, now))
                network.train()
            done += 1

        return train(network, rest, self, epochs=self.epochs * self.rounds, after_step=after_step, about=about)[1]

    def _scored(self, network: nn.Module, bench: Bench) -> tuple[dict[str, Scored], dict[str, str]]:
        """The network's layers with what their weights are compared by, and why others are left alone."""
        layers = dict(weight_layers(network))
        if self.score == "magnitude":
            scores = {name: layer.weight.detach().abs() for name, layer in bench.each(layers.items())}
        else:
            scores = {"wanda": by_inputs, "taylor": by_gradients}[self.score](network, bench, self.samples)
        inputs = {name: 0 if getattr(layer, "transposed", False) else 1 for name, layer in layers.items()}
        return self._compared(_zeros(network), scores, inputs)

    def _compared(
        self, zeros: Mapping[str, Tensor], scores: Mapping[str, Tensor], inputs: Mapping[str, int], folded: bool = False
    ) -> tuple[dict[str, Scored], dict[str, str]]:
        """Layer name -> how its weights are compared; and for layers that are left alone, why.

        Args:
            zeros: of every layer, True where its weight is zero.
            scores: of the layers that have some.
            inputs: of every layer, the weight's axis of inputs.
            folded: whether batch normalisation is part of the weights.
        """
        scored, left = {}, {}
        for name, zero in zeros.items():
            own = self.for_layer(name)
            if own is None:
                continue
            if name not in scores:
                left[name] = f"left alone: no sample reached it, so {self.score} cannot tell its weights apart"
                continue
            alone = own.scope != "global" or self.score == "wanda" or own.pattern in NEIGHBOURS
            found = Scored(
                scores=scores[name],
                zero=zero,
                inputs=inputs[name],
                share=own.sparsity,
                pattern=own.pattern,
                pool=name if alone else (own.sparsity, own.pattern),
                by_output=self.score == "wanda" and own.pattern == "none" and zero.dim() == 2,
                relative=folded and not alone,
            )
            if found.fits:
                scored[name] = found
            elif own.pattern == "kernel":
                left[name] = "left alone: a matrix product has no kernels"
            else:
                left[name] = f"left alone: {zero.shape[inputs[name]]} inputs do not divide into {own.pattern}"
        return scored, left

    def _check_that_something_goes(self, scored: Mapping[str, Scored]) -> None:
        masks = going(scored.values())
        if not any((mask & ~one.zero).any() for mask, one in zip(masks, scored.values(), strict=True)):
            raise NothingToDo(
                f"{self.title} found no weight to zero at sparsity {self.sparsity:g} with pattern {self.pattern}. "
                "Raise sparsity, skip fewer layers, or remove the step."
            )


@torch.no_grad()
def _put_zeros(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    for name, layer in weight_layers(network):
        if name in masks:
            layer.weight.masked_fill_(masks[name], 0)


def _zeros(network: nn.Module) -> dict[str, Tensor]:
    """Layer name -> True where its weight is zero."""
    return {name: layer.weight.detach() == 0 for name, layer in weight_layers(network)}


def _share(zeros: Mapping[str, Tensor]) -> float:
    return sum(int(zero.sum()) for zero in zeros.values()) / sum(zero.numel() for zero in zeros.values())


def _changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor], left: Mapping[str, str]) -> list[Change]:
    changes = []
    for name, zero in after.items():
        if name in left:
            changes.append(Change(name, left[name]))
        elif (zero & ~before[name]).any():
            changes.append(Change(name, f"{int(zero.sum()):,} of {zero.numel():,} weights are zero"))
    return changes
