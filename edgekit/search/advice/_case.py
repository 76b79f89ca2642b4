"""What a rule looks at, what it says, and the numbers in its sentence as a person reads them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from edgekit.core.budget import Budget
from edgekit.core.measurement import QUALITIES, Measurement, quality
from edgekit.core.numbers import MINUS, milliseconds, size
from edgekit.core.run import Run
from edgekit.store.rows import Summary

TONES = ("why", "good", "next")
GOOD = {
    "accuracy": "accuracy", "r2": "variance explained", "agreement": "agreement with the original",
    "random_agreement": "agreement on random inputs", "verification": "verification", "map": "average precision",
    "bleu": "BLEU", "auc": "AUC",
}  # fmt: skip
LABELLED = ("accuracy", "variance explained", "verification", "average precision", "BLEU", "AUC")


@dataclass(frozen=True)
class Advice:
    """A card.

    Attributes:
        why: the sentence, with the numbers of this very run.
        recipe: the steps to try, as YAML would hold them; None where there is nothing to try.
        tone: "why" explains a number, "good" reassures, "next" offers something.
        promises: the metrics that the recipe is to better; a test applies it and measures them.
        model: the model that the recipe is for; empty for the run's own.
        budget: a wider one to settle for, where that is the advice.
        id: the name of the rule's file.
    """

    title: str
    why: str
    recipe: list[dict[str, dict[str, Any]]] | None = None
    tone: Literal["why", "good", "next"] = "why"
    promises: tuple[str, ...] = ()
    model: str = ""
    budget: Budget | None = None
    id: str = ""


@dataclass(frozen=True)
class Case:
    """A finished run, the network it came from, and what the person can afford.

    Attributes:
        runs: what else was measured on the same samples and machine, also of other models, the newest first.
    """

    run: Run
    baseline: Run
    budget: Budget
    runs: Sequence[Summary] = ()

    @property
    def recipe(self) -> list[dict[str, dict[str, Any]]]:
        """The run's steps."""
        return self.run.recipe

    def step(self, name: str) -> dict[str, Any] | None:
        """The settings of the last step of this technique that differ from its defaults; None if there is none."""
        return next((step[name] for step in reversed(self.recipe) if name in step), None)

    @property
    def labelled(self) -> bool:
        """Whether it was scored by labels, so that there are some to train with too."""
        return self.good in LABELLED

    @property
    def good(self) -> str:
        """What its quality is called in a sentence."""
        return GOOD[self.quality]

    @property
    def quality(self) -> str:
        """The metric that says how good it is."""
        found = quality(self.run.measurements)
        return found.metric if found else QUALITIES[0]

    @property
    def scored(self) -> bool:
        """Whether its quality means anything: on random inputs it does not."""
        return self.quality != "random_agreement"

    @property
    def is_quantized(self) -> bool:
        """Whether any step lowers the number of bits."""
        return any(_name(step).startswith("quantize_") for step in self.recipe)

    @property
    def is_faster(self) -> bool:
        """Whether the timing could tell that it is faster."""
        return self.run.comparison is not None and self.run.comparison.speed == "faster"

    @property
    def drop(self) -> float | None:
        """Points of accuracy lost: above 0 if it is worse. None where it was not compared, or not scored."""
        known = self.run.comparison is not None and self.scored
        return -100 * self.run.comparison.accuracy_difference.value if known else None

    @property
    def is_worse(self) -> bool:
        """Whether it is less good than before, and that is no chance."""
        return self.drop is not None and self.run.comparison.accuracy_difference.high < 0

    def lost(self) -> str:
        """−1.76 points of accuracy (between −2.17 and −1.37)"""
        found = self.run.comparison.accuracy_difference
        value, low, high = (points(100 * x) for x in (found.value, found.low, found.high))
        return f"{value} points of {self.good} (between {low} and {high})"

    def most(self, number: str) -> tuple[str, dict[str, float]] | None:
        """The layer with the most of a number that its steps recorded, and all its numbers; None if there is none."""
        told = [(c["layer"], c["numbers"]) for c in self.run.changes if number in c.get("numbers", {})]
        return max(told, key=lambda one: one[1][number], default=None)

    def misses(self) -> set[str]:
        """The metrics at which the run is outside the budget."""
        before = quality(self.run.baseline_measurements) or quality(self.baseline.measurements)
        limits = self.budget.limits(before if self.scored else None)
        return {limit.metric for limit in limits if limit.miss(self.run.measurements.get(limit.metric))}

    def before(self, metric: str) -> Measurement | None:
        """The uncompressed network's number, from the same minute if there is one."""
        return self.run.baseline_measurements.get(metric) or self.baseline.measurements.get(metric)

    def speed(self) -> str:
        """0.21 ms, against 0.21 ms before (1.01 × the time, between 0.99 and 1.03)"""
        ratio = self.run.comparison.latency_ratio
        interval = f"{ratio.value:.2f} × the time, between {ratio.low:.2f} and {ratio.high:.2f}"
        return f"{self._from_to('latency_ms', milliseconds)} ({interval})"

    def size(self) -> str:
        """1.7 MB, against 1.7 MB before (1.00 ×)"""
        return f"{self._from_to('size_bytes', size)} ({self.run.comparison.size_ratio:.2f} ×)"

    def shipped(self) -> str:
        """Compressed for shipping it is 0.8 MB, against 1.6 MB before. Empty where it was not measured."""
        if not {"shipped_bytes"} <= self.run.measurements.keys():
            return ""
        return f" Compressed for shipping it is {self._from_to('shipped_bytes', size)}."

    def zeros(self) -> float:
        """The share of the file's weights that are zero."""
        rows = [(math.prod(row["shape"]), row["zeros"]) for row in self.run.layers if row.get("shape")]
        weights = sum(count for count, _ in rows)
        return sum(count * zeros for count, zeros in rows) / weights if weights else 0.0

    def _from_to(self, metric: str, words: Any) -> str:
        now, before = self.run.measurements[metric], self.before(metric)
        return words(now.value) + (f", against {words(before.value)} before" if before else "")


def replaced(recipe: list[dict], name: str, *steps: dict) -> list[dict]:
    """The recipe with other steps in place of those of one technique."""
    index = next(i for i, step in enumerate(recipe) if name in step)
    rest = [step for step in recipe if name not in step]
    return rest[:index] + list(steps) + rest[index:]


def changed(recipe: list[dict], name: str, **settings: Any) -> list[dict]:
    """The recipe with other settings for every step of one technique; None puts a setting back to its default."""

    def mixed(values: dict) -> dict:
        return {key: value for key, value in (values | settings).items() if value is not None}

    return [{name: mixed(step[name])} if name in step else step for step in recipe]


def rounding_step(case: Case) -> str | None:
    """The step that gives each layer's weights a number of bits; None if there is none."""
    return next((name for name in ("quantize_weights", "quantize_aware_train") if case.step(name) is not None), None)


def before_quantization(recipe: list[dict], step: dict) -> list[dict]:
    """The recipe with a step more, after all that work on the network and before those that quantize it."""
    index = next((i for i, other in enumerate(recipe) if _name(other).startswith("quantize_")), len(recipe))
    return [*recipe[:index], step, *recipe[index:]]


def counted(number: int, noun: str) -> str:
    """1 layer, 21 layers."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """0.623 as 62 %."""
    return f"{100 * share:.0f} %"


def in_short(recipe: list[dict]) -> str:
    """prune_channels (sparsity 0.6) → quantize_static"""
    return " → ".join(map(_step_in_short, recipe)) or "the network as it is"


def points(value: float) -> str:
    """Hundredths with their sign: −0.30."""
    return f"{value:+.2f}".replace("-", MINUS)


def _name(step: dict) -> str:
    return next(iter(step))


def _step_in_short(step: dict) -> str:
    ((name, settings),) = step.items()
    told = [f"{key} {value}" for key, value in settings.items() if not isinstance(value, dict | list)]
    return f"{name} ({', '.join(told)})" if told else name
