"""Channel pruning: whole channels go, so that the network gets narrower.  keep the n channels of largest importance

Removing a channel removes its weights in the layer that makes it, in the normalisation after it and in each layer that
reads it; layers whose outputs are added lose the same ones. The number kept is the multiple of `round_to` nearest to
what `sparsity` asks for (of two equally near, the larger), or all; never fewer than `round_to`, and never so few that
rounding takes 5 % of a layer more than was asked. The layer that gives the answers keeps its outputs. Layers that must
agree take the smallest sparsity set for any of them, and are left alone if one of them is skipped, or if `shared` is
off. With scope "global" all layers that have the same settings compete.

With another `target`, sparsity is the share of multiply-accumulates, parameters or measured latency that goes, and the
share of channels that takes at least so much is searched for; the first change says what was reached. With `rounds`,
each leaves the same share of what the round before left, (1 − sparsity) to the power 1 / rounds, and then trains for
`epochs`; the last network that kept to `accuracy_drop_limit` comes back. Batch normalisation is measured again on 512
samples after each cut, where there are any. `sparse_epochs` before the first cut draw the least channels to zero.

Costs: a few milliseconds and one pass of 512 samples; a search builds about ten networks, 0.2 s each for a small one
and 0.5 s more with latency; taylor and hessian need gradients of `samples` samples; epochs are training.
When it fails: without training it loses far more accuracy than zeroing as many single weights; narrow layers lose
too much in one step of `round_to`; without rounding the file shrinks but may run no faster. Measured latency wavers, so
that target does not give the same network on every day.
Reference: Li et al. 2017, "Pruning Filters for Efficient ConvNets", arXiv:1608.08710; coupled layers and sparse_epochs:
Fang et al. 2023, "DepGraph", arXiv:2301.12900; bn_scale: Liu et al. 2017, arXiv:1708.06519; taylor: Molchanov et al.
2019, arXiv:1906.10771; hessian: LeCun et al. 1990, "Optimal Brain Damage", by channels as in Wang et al. 2019,
arXiv:1905.05934; fpgm: He et al. 2019, arXiv:1811.00250; lamp: Lee et al. 2021, arXiv:2010.07611; rounds: Renda et al.
2020, arXiv:2003.02389; measuring batch normalisation again: Li et al. 2020, "EagleEye", arXiv:2007.02491.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._channels import LOOK_AT_GRADIENTS, ChannelGroup, channel_groups
from edgekit.techniques._group_norm import train_sparse
from edgekit.techniques._narrow import IN_WORDS, Aim, Narrowed, Target, cost, narrow
from edgekit.techniques._recalibrate import recalibrate
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._train import Training, train

UNLIMITED = 100.0  # points of accuracy: nothing can lose more
EXACTLY = 1e-9  # points: what rounding makes of a loss that is just the limit
CUTTING = 0.5  # how long scoring and cutting takes, in epochs: for the progress bar alone


class PruneChannels(Training, Layerwise, NetworkTechnique):
    """Settings of channel pruning; see the module docstring."""

    sparsity: Annotated[float, Knob(unit="share", step=0.05, help="Share of the channels (or target) removed.")] = (
        Field(0.5, ge=0, le=0.95)
    )
    target: Annotated[Target, Knob(help="What sparsity is a share of.")] = "channels"
    importance: Annotated[
        Literal["magnitude_l2", "magnitude_l1", "bn_scale", "taylor", "hessian", "fpgm", "lamp", "random"],
        Knob(help="What makes a channel worth keeping."),
    ] = "magnitude_l2"
    scope: Annotated[
        Literal["per layer", "global"],
        Knob(help="Remove the same share of every layer, or the least important channels of all layers."),
    ] = "per layer"
    round_to: Annotated[
        int, Knob(unit="channels", help="Keep a multiple of this many, which processors compute fastest.")
    ] = Field(8, ge=1, le=64)
    shared: Annotated[
        bool,
        Knob(
            help="Also prune channels that several layers share, as where branches are added. Without them a residual "
            "network gets narrower inside its blocks only, which costs less accuracy."
        ),
    ] = True
    recalibrate: Annotated[
        bool, Knob(help="Measure mean and variance of batch normalisation again, on samples without labels.")
    ] = True
    rounds: Annotated[int, Knob(unit="rounds", help="Prune in so many equal steps, each followed by training.")] = (
        Field(1, ge=1, le=20)
    )
    epochs: Annotated[int, Knob(unit="epochs", help="Epochs of training after each round; 0 for none.")] = Field(
        0, ge=0, le=100
    )
    accuracy_drop_limit: Annotated[
        float,
        Knob(
            unit="points",
            step=0.5,
            help="Stop before a round that loses more validation accuracy than this, against the original; 100 never.",
        ),
    ] = Field(UNLIMITED, ge=0, le=100)
    sparse_epochs: Annotated[
        int, Knob(unit="epochs", help="Epochs before pruning that draw the least important channels towards zero.")
    ] = Field(0, ge=0, le=100)
    sparse_strength: Annotated[
        float,
        Knob(
            log=True,
            advanced=True,
            help="How strongly sparse epochs draw channels to zero, the smallest 16 times as much.",
        ),
    ] = Field(5e-4, ge=1e-5, le=0.01)
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Training samples for taylor and hessian.")
    ] = Field(512, ge=32, le=8192)

    title, family = "Channel pruning", "Pruning"
    effect = "Smaller file and faster"
    reference = "Li et al. 2017, arXiv:1608.08710"
    identity = {"sparsity": 0.0}

    @property
    def trains(self) -> bool:
        """Whether it does more than cut."""
        return self.epochs > 0 or self.sparse_epochs > 0

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, what the importances in use look at, and labels to train or to judge by."""
        used = {self.importance} | {values.get("importance") for values in self.layers.values()}
        facts = {Fact.FLOAT_WEIGHTS}
        facts |= {Fact.BATCH_NORM} if "bn_scale" in used else set()
        labels = used & set(LOOK_AT_GRADIENTS) or self.trains or self.accuracy_drop_limit < UNLIMITED
        facts |= {Fact.TRAINING_DATA} if labels else set()
        return frozenset(facts)

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("sparsity", "importance", "scope", "round_to", "samples"))
        return self

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Remove channels, in rounds if asked.

        Raises:
            NothingToDo: rounding and skipping leave every layer as it was, or the first round loses too much.
            ModelError: the network's channels are tied in a way that cannot be followed.
        """
        groups = self._groups(network, bench)
        if not any(settings.sparsity for _, settings in groups) or (self.target != "channels" and not self.sparsity):
            raise self._nothing()
        full = {group.layers: group.channels for group, _ in groups}
        whole = 0.0 if self.target == "channels" else cost(network, self.target, bench)
        aim = Aim(self.target, self.sparsity, whole, full)
        limited = self.accuracy_drop_limit < UNLIMITED
        original = bench.score(bench.teacher or network) if limited else None
        curve, stopped, work = [], "", self._work(self.rounds)
        if self.sparse_epochs:
            here = bench.part(0, self._work(0) / work)
            network, curve = train_sparse(network, groups, here, self, self.sparse_epochs, self.sparse_strength)
        best = Narrowed(network, full, 1.0)
        for number in range(1, self.rounds + 1):
            here = bench.part(self._work(number - 1) / work, self._work(number) / work)
            tried, points = self._round(best, aim, number, here)
            if tried is best:  # nothing went, so that nothing was lost
                continue
            curve += points
            if original is not None:
                accuracy = points[-1]["validation_accuracy"] if points else bench.score(tried.network)
                lost = 100 * (original - accuracy)
                if lost > self.accuracy_drop_limit + EXACTLY:
                    stopped = f"round {number} of {self.rounds} would have lost {lost:.1f} points"
                    break
            best = tried
        bench.progress(1.0, "pruned")
        if best.kept == full:
            raise self._nothing(stopped)
        return Applied(best.network, self._changes(best, full, stopped), curve=curve)

    def _round(self, best: Narrowed, aim: Aim, number: int, bench: Bench) -> tuple[Narrowed, list[dict[str, Any]]]:
        """What a round makes of the best network so far, with its curve; the very same if rounding leaves it whole."""
        trains_from = CUTTING / (CUTTING + self.epochs)
        cutting = bench.part(0, trains_from)
        groups = self._groups(best.network, bench)
        tried = narrow(best.network, groups, aim, number / self.rounds, cutting.part(0, 0.7))
        if tried.kept == best.kept:
            return best, []
        if self.recalibrate:
            recalibrate(tried.network, cutting.part(0.7, 1))
        if not self.epochs:
            return tried, []
        about = {"round": number, "sparsity": round(1 - tried.left, 4)}
        started = self.sparse_epochs + (number - 1) * self.epochs
        trained, points = train(tried.network, bench.part(trains_from, 1), self, started=started, about=about)
        return replace(tried, network=trained), points

    def _groups(self, network: nn.Module, bench: Bench) -> list[tuple[ChannelGroup, Self]]:
        """What may be pruned, each with the most careful of its layers' settings; none of them is skipped."""
        found = []
        for group in channel_groups(network, bench.example):
            settings = [self.for_layer(layer) for layer in group.layers]
            if None not in settings and (self.shared or not group.shared):
                found.append((group, min(settings, key=lambda one: one.sparsity)))
        return found

    def _work(self, rounds: int) -> float:
        """How long it takes to get through so many rounds, in epochs."""
        return self.sparse_epochs + rounds * (CUTTING + self.epochs)

    def _changes(self, best: Narrowed, full: dict[tuple[str, ...], int], stopped: str) -> list[Change]:
        notes = [] if self.target == "channels" else [f"{best.left:.1%} of the network's {IN_WORDS[self.target]} left"]
        notes += [f"stopped, as {stopped} of accuracy"] if stopped else []
        told = {
            layer: f"{best.kept[layers]} of {channels} channels kept"
            for layers, channels in full.items()
            if best.kept[layers] < channels
            for layer in layers
        }
        first = next(iter(told))
        told[first] = "; ".join([told[first], *notes])
        return [Change(layer, what) for layer, what in told.items()]

    def _nothing(self, stopped: str = "") -> NothingToDo:
        if stopped:
            return NothingToDo(
                f"{self.title} keeps every channel: {stopped} of validation accuracy, and accuracy_drop_limit is "
                f"{self.accuracy_drop_limit:g}. Raise it, lower sparsity, train for more epochs, or remove the step."
            )
        of = "" if self.target == "channels" else f" of the {IN_WORDS[self.target]}"
        return NothingToDo(
            f"{self.title} keeps every channel at sparsity {self.sparsity:g}{of} in multiples of {self.round_to}. "
            "Raise sparsity, lower round_to, skip fewer layers, or remove the step."
        )
