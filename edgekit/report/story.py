"""What a report says, in sentences for people who do not read code. Every number in them is of the run itself."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.budget import Budget, Limit
from edgekit.core.measurement import METRICS, Origin, quality
from edgekit.core.run import Run
from edgekit.data.catalog import Entry
from edgekit.devices.catalog import device
from edgekit.models.about import About
from edgekit.show import words
from edgekit.show.cards import CHANCE, speed
from edgekit.show.naming import title

AGREEMENTS = ("agreement", "random_agreement")  # of data without labels: they compare with the original by themselves
SHORTEST = 0.05  # seconds that are worth a word
LEAST_OF_A_CLASS = 5  # test samples; the share of fewer says nothing


@dataclass(frozen=True)
class Story:
    """All that the sentences are about.

    Attributes:
        about: the model's card; None where the model was removed since.
        baseline: the run of the original; None where it was deleted since.
    """

    run: Run
    budget: Budget
    data: Entry
    about: About | None
    baseline: Run | None

    @property
    def model(self) -> str:
        """What the network is called."""
        return self.about.title if self.about else self.run.model

    @property
    def scored(self) -> bool:
        """Whether anything says how good it is: on random inputs, or with random weights, nothing does."""
        untrained = self.about is not None and self.about.shape_only
        return quality(self.run.measurements) is not None and not (untrained or self.data.synthetic)


@dataclass(frozen=True)
class Check:
    """One limit of the budget: what it asks for, what is known of the file, and whether that holds it."""

    what: str
    asked: str
    found: str
    held: bool


def question(story: Story) -> str:
    """The question that the budget asks: "Can LeNet-5 fit into 5.00 MB, take at most 100 ms for an image, …?" """
    if story.run.is_baseline:
        return f"How large, how fast and how good is {story.model} as it is?"
    budget = story.budget
    asked = [
        f"fit into {words.size(budget.size_bytes)}",
        f"take at most {words.milliseconds(budget.latency_ms)} for {story.data.each}",
    ]
    if there := budget.there:
        asked.append(f"at most {words.milliseconds(there.worst)} on {_device(there)}")
    if story.scored:
        asked.append(f"lose at most {_points(budget.accuracy_drop)} of {good(story)}")
    comma = "," if len(asked) > 2 else ""
    return f"Can {story.model} {', '.join(asked[:-1])}{comma} and {asked[-1]}?"


def checks(story: Story) -> list[Check]:
    """The limits, one after the other; that on another device by its board's measurement, or else by an estimate."""
    before = quality(story.run.baseline_measurements or story.run.measurements) if story.scored else None
    found = []
    for limit in story.budget.limits(before):
        measured = story.run.measurements.get(limit.metric)
        is_quality = before is not None and limit.metric == before.metric
        asked = f"at most {words.drop(story.budget.accuracy_drop)}" if is_quality else ""
        asked = asked or f"at most {words.number(limit.metric, limit.worst)}"
        now = words.measured(measured)
        if is_quality and measured is not None and not story.run.is_baseline:
            now = f"{words.points(measured.value - before.value, 2)} ({words.percent(measured.value, 2)})"
        found.append(Check(_name(limit.metric), asked, now, limit.miss(measured) is None))
    return [*found, _there(story.run, story.budget.there)] if story.budget.there else found


def _there(run: Run, limit: Limit) -> Check:
    """The limit on another device."""
    from edgekit.devices.foreseen import foreseen

    known = foreseen(run, [limit]).get(limit.key)
    now = "not known"
    if known is not None:
        estimated = known.origin is Origin.ESTIMATED
        now = f"about {words.measured(known)}, estimated" if estimated else f"{words.measured(known)}, measured"
    asked = f"at most {words.number(limit.metric, limit.worst)}"
    return Check(f"{_name(limit.metric)} on {_device(limit)}", asked, now, limit.miss(known) is None)


def _device(limit: Limit) -> str:
    return device(limit.device).name.split(" (")[0]


def verdict(story: Story) -> str:
    """Yes, or what is missing."""
    missed = [_running(check.what) for check in checks(story) if not check.held]
    if story.run.is_baseline:
        return "As it is" if not missed else "Over the budget as it is"
    return f"Not quite: {_listed(missed)} {'misses' if len(missed) == 1 else 'miss'} the budget" if missed else "Yes"


def answer(story: Story) -> str:
    """The recommended file in three sentences: how small, how fast, how good."""
    run, found = story.run, story.run.measurements
    size, latency = words.measured(found.get("size_bytes")), found.get("latency_ms")
    if run.comparison is None:
        timed = f" It takes {words.measured(latency)} for {story.data.each}." if latency else ""
        return f"The original takes {size}.{timed}{_how_good(story)}"
    smaller = words.times(run.comparison.size_ratio, "smaller", "larger")
    said = f"“{title(run)}” makes a file of {size}"
    said += f", {smaller} than the original." if smaller != words.SAME else ", as large as the original."
    if latency is not None and run.comparison.latency_ratio is not None:
        how = speed(run)
        than = "as fast as the original" if run.comparison.speed == "tie" else f"{how} than the original"
        said += f" It takes {words.milliseconds(latency.value)} for {story.data.each}, {than} on the same machine."
    return said + _how_good(story)


def costs(story: Story) -> list[str]:
    """What the smaller file costs: quality, changed answers, the class that loses most, memory, the time to make it."""
    run, said = story.run, []
    if run.comparison and story.scored:
        said.append(_difference(story))
    if (changed := run.disagreements) is not None and changed.total and story.scored:
        share = words.percent(changed.count / changed.total, 2)
        said.append(
            f"{changed.count:,} of {changed.total:,} test {story.data.samples} ({share}) get another answer than from "
            "the original, for better or worse."
        )
    said += _classes(story)
    said += _memory(run)
    epochs = len(run.curve)
    trained = f", with {epochs} {'epoch' if epochs == 1 else 'epochs'} of training" if epochs else ", without training"
    if run.making_seconds >= SHORTEST and not run.is_baseline:
        said.append(f"Making the file took {words.duration(run.making_seconds)}{trained}.")
    return said


def good(story: Story) -> str:
    """What says how good it is, in running text: "accuracy", "BLEU"."""
    found = quality(story.run.measurements)
    return _running(METRICS[found.metric].title) if found else "accuracy"


def _how_good(story: Story) -> str:
    found, before = quality(story.run.measurements), quality(story.run.baseline_measurements)
    if not story.scored or found is None:
        return ""
    if found.metric in AGREEMENTS:
        return f" It gives the original's answer on {words.percent(found.value, 2)} of the test {story.data.samples}."
    said = f" Its {good(story)} is {words.percent(found.value, 2)}"
    if story.run.comparison is None or before is None:
        return f"{said} ({words.interval(found)})." if words.interval(found) else f"{said}."
    difference = round(100 * (found.value - before.value), 2)
    if difference == 0:
        return f"{said}, as before."
    side = "above" if difference > 0 else "below"
    chance = ", no more than chance explains" if story.run.comparison.p_value >= CHANCE else ""
    return f"{said}, {_points(abs(difference), 2)} {side} the original{chance}."


def _difference(story: Story) -> str:
    found = story.run.comparison
    gain = found.accuracy_difference
    said = f"The {good(story)} moves by {words.points(gain.value, 2)}"
    said += f"; with 95 % certainty the true change lies between {_signed(gain.low)} and {_signed(gain.high)} points."
    if gain.low <= 0 <= gain.high:
        said += " That holds no change at all: the test set is too small to tell the two files apart."
    return said


def _classes(story: Story) -> list[str]:
    """The class that loses most, where the confusion matrices of both files are known."""
    base = story.baseline
    if base is None or story.run.is_baseline or not (base.confusion and story.run.confusion and story.data.classes):
        return []
    moved = []
    for place, name in enumerate(story.data.classes):
        was, now = base.confusion[place], story.run.confusion[place]
        if sum(was) >= LEAST_OF_A_CLASS and sum(was) == sum(now):
            before, after = was[place] / sum(was), now[place] / sum(now)
            moved.append((after - before, name, before, after))
    if not moved or min(moved)[0] >= 0:
        return ["No class loses."] if moved else []
    _, name, before, after = min(moved)
    shares = f"{words.percent(before)} of its {story.data.samples} were right before, {words.percent(after)} are now"
    return [f"The class that loses most is {name}: {shares}."]


def _memory(run: Run) -> list[str]:
    after, before = run.measurements.get("peak_memory_bytes"), run.baseline_measurements.get("peak_memory_bytes")
    if after is None:
        return []
    said = f"Loading and running it takes {words.measured(after)} of memory at its peak"
    if run.comparison is None or before is None:
        return [f"{said}."]
    apart = after.high < before.low or after.low > before.high
    return [f"{said}; the original {words.measured(before) if apart else 'takes about the same'}."]


def _points(hundredths: float, digits: int | None = None) -> str:
    number = f"{hundredths:g}" if digits is None else f"{hundredths:.{digits}f}"
    return f"{number} {'point' if number == '1' else 'points'}"


def _signed(fraction: float) -> str:
    return words.points(fraction, 2).removesuffix(" points").removeprefix("±")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _name(metric: str) -> str:
    return METRICS[metric].title.split(" (")[0].removesuffix(" on disk")


def _running(title: str) -> str:
    """A title without what is in brackets, and without its capital unless it is an abbreviation."""
    name = title.split(" (")[0]
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]
