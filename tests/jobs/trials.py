"""Trials for those who measure them somewhere else, and what holds for each such executor."""

from edgekit.core.errors import SettingError
from edgekit.core.run import Depth
from edgekit.search.executor import Trial
from tests.jobs.cluster import PATIENCE

IN_TIME = 2 * PATIENCE


def a_trial(*recipe, **changes):
    return Trial(**{"model": "lenet5-fashion", "recipe": list(recipe), "samples": 50, "depth": Depth.LOOK} | changes)


def quick(bits):
    return a_trial({"quantize_weights": {"bits": bits}})


def slow(seed, epochs=1):
    return a_trial({"fine_tune": {"epochs": epochs, "learning_rate": 0.001}}, seed=seed)


class EveryExecutor:
    """Its fixtures `executor` and `store` come from the file that inherits it."""

    def test_each_number_names_its_machine_and_is_compared_with_a_baseline_of_that_machine(self, executor, store):
        trial = Trial(model="lenet5-fashion", recipe=[{"quantize_weights": {"bits": 4}}], samples=50)
        run = executor.submit(trial).result(IN_TIME)
        base = store.get(run.baseline)
        assert run.machine["id"] == base.machine["id"] == run.measurements["latency_ms"].device
        assert run.machine["name"] == run.owner.split(":")[0]
        assert run.comparison.latency_ratio.low > 0

    def test_the_same_trial_again_comes_from_the_store(self, executor):
        first, second = (executor.submit(quick(4)).result(IN_TIME) for _ in range(2))
        assert first.id == second.id

    def test_what_a_gate_holds_back_is_not_measured_any_further(self, executor):
        part = {"samples": 20, "to_beat": 0.0}
        for gates, scored in (
            ([part | {"to_beat": 1.0}], 20),
            ([part | {"to_beat": -1.0}], 50),
            ([part | {"to_beat": -1.0}, {"samples": None, "to_beat": 1.0}], 2000),
        ):
            run = executor.submit(a_trial({"quantize_weights": {"bits": 7}}, gates=gates)).result(IN_TIME)
            assert (run.samples, "latency_ms" in run.measurements) == (scored, False)

    def test_what_is_wrong_with_a_trial_is_said_as_it_is_here(self, executor):
        error = executor.submit(a_trial({"quantize_weights": {"bits": 99}})).exception(IN_TIME)
        assert isinstance(error, SettingError)
        assert "bits" in str(error)
