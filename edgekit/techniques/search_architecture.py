"""Architecture search: the most accurate small network under a limit.  max accuracy(d) over designs d, cost(d) ≤ limit

Designs differ in their blocks (inverted residuals or ResNet's), channels, depth, kernel, widening and the size of the
image that is looked at. Each is first counted or timed as the file that it would make: one over the limit costs no
training, nor does one below `least` of it, since what leaves most of a budget unused seldom wins. The others train for
`trial_epochs`; one that is below the median of those before it at the same epoch is stopped. A tree-structured Parzen
estimator (TPE) proposes where good designs within the limits were denser than the others; where it repeats itself, the
next design is drawn at random. The first trial is the smallest design, unless that is below `least`. The best then
trains anew for `epochs`, on labels and on the answers of the original network. Only validation samples choose.

Costs: trials × trial_epochs of training, and then `epochs`; the curve shows them all.
When it fails: short trainings prefer what learns fast, and differences smaller than the noise of the validation samples
decide nothing. With limit_on latency a clock decides, so that the same seed may find another network. What earlier
steps did is thrown away.
Reference: Akiba et al. 2019, "Optuna", arXiv:1907.10902; TPE: Watanabe 2023, arXiv:2304.11127; the space: Tan et al.
2019, "MnasNet", arXiv:1807.11626; the median rule: Golovin et al. 2017, "Google Vizier".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.techniques._space import SMALLEST, Design, built, suggested
from edgekit.techniques._students import TrainingAnew, described, train_anew, wanted

if TYPE_CHECKING:
    import optuna

MISSED = "missed"  # what is kept of each design: how far outside the limits it is, as a share of the limit; at most 0
TO_COMPARE_WITH = 3  # trials that are trained to their end before any is stopped
PROPOSALS, DRAWN = 60, 300  # at most, for each trial that is trained: designs whose cost is asked for, and draws


class SearchArchitecture(TrainingAnew, NetworkTechnique):
    """Settings of architecture search; see the module docstring."""

    limit_on: Annotated[
        Literal["macs", "size", "latency"],
        Knob(help="What is limited: multiply-accumulates, bytes of the float file, or measured time for one sample."),
    ] = "macs"
    limit: Annotated[float, Knob(unit="share", step=0.05, help="The most, as a share of the original's.")] = Field(
        0.5, ge=0.05, le=1
    )
    least: Annotated[
        float, Knob(unit="share", step=0.05, help="Networks below this share of the limit are not tried.")
    ] = Field(0.0, ge=0, le=0.95)
    trials: Annotated[int, Knob(unit="networks", help="Networks that are trained for a moment.")] = Field(
        10, ge=1, le=500
    )
    trial_epochs: Annotated[
        int, Knob(unit="epochs", help="Passes over the training samples for each network that is tried.")
    ] = Field(2, ge=1, le=20)

    title, family = "Architecture search", "Smaller networks"
    effect = "A network to fit a limit; takes as long as many trainings"
    reference = "Akiba et al. 2019, arXiv:1907.10902"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.CHANNELS_FIRST, Fact.CALIBRATION_DATA, Fact.TRAINING_DATA})
    adds = frozenset({Fact.BATCH_NORM})
    removes = frozenset({Fact.ATTENTION, Fact.BLOCKS})
    trains = True
    renames = True

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Search, train the best, and say what was found.

        Raises:
            NothingToDo: even the smallest design is over the limit, or none that was drawn is near enough to it.
            ModelError: the network does not take images, or does not tell classes apart.
        """
        classes, shape = wanted(network, bench.example, self.title)
        cost = self._cost(bench)
        most = self.limit * cost(network if bench.teacher is None else bench.teacher)
        least = cost(built(SMALLEST, classes, shape, bench.seed))
        if least > most:
            raise NothingToDo(
                f"{self.title} knows no network with {self.limit_on} of at most {_number(most)}; the smallest has "
                f"{_number(least)}. Raise limit, or remove the step."
            )
        searching = self.trials * self.trial_epochs / (self.trials * self.trial_epochs + self.epochs)
        begin = [SMALLEST] if least >= self.least * most else []
        search = _Search(
            self, bench.part(0, searching), lambda design: built(design, classes, shape, bench.seed), cost, most, begin
        )
        best = search.run()
        if best is None:
            raise NothingToDo(
                f"{self.title} drew {search.too_large + search.too_small} networks, and none has {self.limit_on} from "
                f"{_number(self.least * most)} to {_number(most)}. Lower least, raise limit, or remove the step."
            )
        student, curve = train_anew(search.build(best), bench.part(searching, 1), self)
        changes = described(student)
        return Applied(student, [Change(changes[0].layer, search.in_words(best)), *changes], curve=search.curve + curve)

    def _cost(self, bench: Bench) -> Callable[[nn.Module], float]:
        if self.limit_on == "latency":
            return bench.latency_of
        metric = {"macs": "macs", "size": "size_bytes"}[self.limit_on]
        return lambda network: bench.cost_of(network)[metric]


class _StoppedEarly(Exception):
    """A trial is worse than the others were at this epoch."""


@dataclass
class _Search:
    """One search while it runs.

    Attributes:
        begin: designs to try first, which are known to be within the limit.
        seen: what became of each design: its accuracy on validation samples, or None if it was too large or stopped.
        curve: all epochs of all trials.
    """

    how: SearchArchitecture
    bench: Bench
    build: Callable[[Design], nn.Module]
    cost: Callable[[nn.Module], float]
    most: float
    begin: Sequence[Design]
    seen: dict[Design, float | None] = field(default_factory=dict)
    curve: list[dict[str, Any]] = field(default_factory=list)
    trained: int = 0
    stopped: int = 0
    too_large: int = 0
    too_small: int = 0

    def run(self) -> Design | None:
        """Try designs until enough are trained, or hardly any is new; the best, or None if none fits."""
        import optuna  # it takes a second to import
        from optuna.trial import TrialState

        study = _study(self.bench.seed, self.begin)
        clever, anything = study.sampler, optuna.samplers.RandomSampler(seed=self.bench.seed)
        for _ in range(DRAWN * self.how.trials):
            if self.trained == self.how.trials or len(self.seen) == PROPOSALS * self.how.trials:
                break
            self.bench.progress(self.trained / self.how.trials, f"network {self.trained + 1} of {self.how.trials}")
            trial = study.ask()
            design = suggested(trial)
            if design in self.seen:
                study.tell(trial, state=TrialState.FAIL)  # it says nothing new, and would count twice
                study.sampler = anything
                continue
            study.sampler = clever
            accuracy = self.seen[design] = self._tried(design, trial)
            # What was stopped counts as worse than all that were trained to their end.
            study.tell(trial, accuracy, state=TrialState.PRUNED if accuracy is None else TrialState.COMPLETE)
        tried = [design for design, found in self.seen.items() if found is not None]
        return max(tried, key=self.seen.get, default=None)

    def in_words(self, best: Design) -> str:
        """What was found, and among how many."""
        return (
            f"found: {best}; {self.seen[best]:.1%} right after {self.how.trial_epochs} epochs, the best of "
            f"{self.trained} tried ({self.stopped} stopped early; {self.too_large} over the limit "
            f"and {self.too_small} far below it were not trained)"
        )

    def _tried(self, design: Design, trial: optuna.Trial) -> float | None:
        student = self.build(design)
        share = 1.0 if design in self.begin else self.cost(student) / self.most
        trial.set_user_attr(MISSED, max(share - 1, self.how.least - share))
        if share > 1 or share < self.how.least:
            self.too_large, self.too_small = self.too_large + (share > 1), self.too_small + (share <= 1)
            return None
        here = self.bench.part(self.trained / self.how.trials, (self.trained + 1) / self.how.trials)
        self.trained += 1

        def after_epoch(point: dict[str, Any]) -> None:
            self.bench.on_epoch(point)
            self.curve.append(point)
            trial.report(point["validation_accuracy"], point["epoch"])
            if point["epoch"] < self.how.trial_epochs and trial.should_prune():
                raise _StoppedEarly

        try:
            train_anew(
                student,
                replace(here, on_epoch=after_epoch),
                self.how,
                epochs=self.how.trial_epochs,
                about={"trial": self.trained},
            )
        except _StoppedEarly:
            self.stopped += 1
            return None
        return self.curve[-1]["validation_accuracy"]


def _study(seed: int, begin: Sequence[Design]) -> optuna.Study:
    """A study in memory that begins with these designs, made without the line that Optuna prints."""
    import optuna

    loudness = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of constraints_func
            sampler = optuna.samplers.TPESampler(seed=seed, constraints_func=lambda trial: (trial.user_attrs[MISSED],))
        study = optuna.create_study(
            direction="maximize",
            sampler=sampler,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=TO_COMPARE_WITH),
        )
        for design in begin:
            study.enqueue_trial(vars(design))
    finally:
        optuna.logging.set_verbosity(loudness)
    return study


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
