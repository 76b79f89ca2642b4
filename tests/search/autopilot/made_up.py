"""Measurements that were never made: to test what a search concludes, and an executor that answers from a formula."""

from concurrent.futures import Future
from typing import Any

from edgekit.core.interval import Interval
from edgekit.core.run import Comparison, Depth, Run
from edgekit.search.autopilot.seen import Seen
from edgekit.search.executor import Executor, Trial, through_gates
from edgekit.search.limits import Miss
from edgekit.store.store import Store
from tests.factories import a_baseline, a_run, measurements

BITS = [{"quantize_weights": {"bits": 3, "activations": "int8"}}]
BASE = measurements(accuracy=0.92, size=1_000_000, latency=0.2)


def seen(name: str, gain: float, size: float, latency: float | None = None, spread: float = 0.0, **others: Any) -> Seen:
    """A recipe that is told apart by the layers it skips."""
    values = {
        "run": name,
        "whole": latency is not None,
        "scored": latency is not None,
        "macs": 1.0,
        "integers": True,
        "missed": (),
    } | others
    steps = [{"quantize_static": {"skip": [name]}}]
    return Seen(
        steps=values.pop("steps", steps), size=size, latency=latency,
        gain=Interval(value=gain, low=gain - spread, high=gain + spread), **values,
    )  # fmt: skip


def miss(by: float) -> Miss:
    return Miss("size=1KB", "Size on disk is above 1000", by)


class Formula(Executor):
    """Runs whose numbers follow from the recipe: each bit fewer is smaller and worse, each step faster.

    Attributes:
        measured: the trials that were asked for, in order.
        stop_after: raise KeyboardInterrupt at this trial, as a kill or a Ctrl-C would.
    """

    def __init__(self, store: Store, stop_after: int | None = None, ahead: int = 0):
        self.store, self.stop_after, self.measured, self._ahead = store, stop_after, [], ahead

    @property
    def workers(self) -> int:
        return 1

    @property
    def ahead(self) -> int:
        return self._ahead

    def submit(self, trial: Trial) -> Future:
        if len(self.measured) == self.stop_after:
            raise KeyboardInterrupt
        self.measured.append(trial)
        done: Future = Future()
        run = through_gates(
            trial, lambda samples, depth: self._run(trial.model_copy(update={"samples": samples, "depth": depth}))
        )
        done.set_result(run)
        return done

    def _run(self, trial: Trial) -> Run:
        facts = {
            "id": self.store.new_id(), "model": trial.model, "recipe": trial.recipe, "split": trial.split,
            "samples": trial.samples or 5000, "measurements": BASE, "baseline_measurements": BASE,
        }  # fmt: skip
        run = a_run(**facts | _numbers(trial)) if trial.recipe else a_baseline(**facts)
        self.store.save(run)
        return run


def _numbers(trial: Trial) -> dict[str, Any]:
    settings = {knob: value for step in trial.recipe for found in step.values() for knob, value in found.items()}
    bits = settings.get("bits", settings.get("average_bits", 4 if "quantize_weights" in str(trial.recipe) else 8))
    kept = 1 - settings.get("sparsity", 0.0)
    gain = -0.002 * 2 ** (6 - bits) - 0.1 * (1 - kept)
    size, latency = kept * bits / 32, 0.6 * kept
    found = measurements(accuracy=0.92 + gain, size=round(1e6 * size), latency=0.2 * latency)
    found["macs"] = found["macs"].model_copy(update={"value": kept * found["macs"].value})
    timed = trial.depth is not Depth.LOOK
    spread = 0.002 if timed else 0.006
    compared = Comparison(
        latency_ratio=Interval(value=latency, low=latency, high=latency) if timed else None,
        speed="faster" if timed else "",
        size_ratio=size,
        accuracy_difference=Interval(value=gain, low=gain - spread, high=gain + spread),
        p_value=0.5,
    )
    if not timed:
        found = {name: one for name, one in found.items() if not name.startswith("latency")}
    return {"measurements": found, "comparison": compared}
