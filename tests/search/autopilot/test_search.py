"""A search from end to end: it holds its limits, measures nothing twice, and goes on where it was stopped."""

import dataclasses
import math
from collections.abc import Iterable, Iterator

import pytest

import edgekit as ek
from edgekit.core.anatomy import blocks
from edgekit.core.errors import Cancelled, SettingError, StoreError
from edgekit.core.run import Depth
from edgekit.models.samples import load as load_model
from edgekit.search.autopilot.board import USELESS
from edgekit.search.autopilot.kept import begin, latest, load
from edgekit.search.autopilot.result import result
from edgekit.search.autopilot.search import carry_on, search
from edgekit.search.autopilot.seen import key
from edgekit.search.autopilot.space import beginnings, trains
from edgekit.search.executor import Trial
from edgekit.store.store import Store
from tests.search.autopilot.made_up import Formula

LIMITS = ["accuracy_drop=1", "size=0.3x"]
ENOUGH, PROPOSED = 12, 26  # trials; the latter more than what it begins with


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def recipes(found) -> list:
    return [(tried.steps, tried.whole) for tried in found.search.tried]


def made_up(store: Store, **others):
    asked = {"trials": ENOUGH, "executor": Formula(store)} | others
    return search("lenet5-fashion", LIMITS, store=store, **asked)


def test_the_winner_holds_every_limit_and_is_confirmed_once_on_the_test_set(store):
    executor = Formula(store)
    found = made_up(store, executor=executor)
    assert found.winner.missed == ()
    assert found.winner.gain.value >= -0.01
    assert found.winner.size <= 0.3
    assert [trial.recipe for trial in executor.measured if trial.split == "test"] == [found.winner.steps]
    assert (found.chosen.split, found.confirmed.split) == ("validation", "test")
    assert found.search.status == "done"


def test_no_recipe_is_measured_twice_and_not_every_look_becomes_a_point(store):
    executor = Formula(store)
    found = made_up(store, executor=executor)
    asked = [str((trial.recipe, trial.samples, trial.split)) for trial in executor.measured]
    assert len(asked) == len(set(asked))
    looks = [tried for tried in found.search.tried if not tried.whole]
    assert 0 < len(found.points) - 1 < len(looks)


def test_a_proposal_goes_on_only_from_what_was_looked_at_and_not_lost(store):
    found = made_up(store, trials=4 * PROPOSED)
    gains, longer = {}, 0
    for tried in found.search.tried:
        begun = [key(part) for part in beginnings(tried.steps)[:-1]]
        if tried.why == "proposed" and begun:
            longer += 1
            assert all(gains[part] >= -USELESS for part in begun)
        gains.setdefault(
            key(tried.steps), store.get(tried.run).comparison.accuracy_difference.high if tried.steps else 0
        )
    assert longer > PROPOSED / 2
    assert min(gains.values()) < -USELESS, "some were lost"


def test_what_turns_out_beaten_once_all_samples_are_scored_is_not_timed(store):
    found = made_up(store, trials=2 * PROPOSED)
    held_back = [tried for tried in found.search.tried if tried.why == "promoted" and not tried.whole]
    assert held_back
    for tried in held_back:
        run = store.get(tried.run)
        assert run.comparison.latency_ratio is None
        gain, size = run.comparison.accuracy_difference.value, run.comparison.size_ratio
        assert any(point.gain.value >= gain and point.size <= size for point in found.points)
    assert len({key(tried.steps) for tried in held_back}) == len(held_back)


def test_the_same_search_proposes_the_same_for_the_same_measurements(tmp_path):
    found = []
    for number, seed in enumerate((0, 0, 1)):
        with Store.open(tmp_path / str(number)) as fresh:
            found.append(recipes(made_up(fresh, trials=PROPOSED, seed=seed)))
    assert found[0] == found[1] != found[2]


def test_a_search_that_is_stopped_goes_on_with_its_trials_intact(store, tmp_path):
    with Store.open(tmp_path / "other") as other:
        straight = made_up(other)
    with pytest.raises(KeyboardInterrupt):
        made_up(store, executor=Formula(store, stop_after=7))
    (stopped,) = latest(store)
    before = [tried.run for tried in stopped.tried]
    assert (stopped.status, len(before)) == ("paused", 7)
    resumed = carry_on(stopped.id, store=store, executor=Formula(store))
    assert [tried.run for tried in resumed.search.tried][:7] == before
    assert recipes(resumed) == recipes(straight)


def test_a_search_whose_process_was_killed_is_interrupted_and_can_go_on(store):
    begun = begin("lenet5-fashion", LIMITS, trials=3, store=store)
    row = store.get_search(begun.id)
    store.save_search(dataclasses.replace(row, status="running", owner="host:1:gone"))
    assert load(begun.id, store).status == "interrupted"
    assert carry_on(begun.id, store=store, executor=Formula(store)).search.status == "done"


@pytest.mark.parametrize(("asked", "status"), [("pause", "paused"), ("stop", "stopped")])
def test_whoever_asks_it_to_pause_or_to_stop_is_heard_between_two_trials(store, monkeypatch, asked, status):
    monkeypatch.setattr("edgekit.search.autopilot.search.LOOK_AGAIN_SECONDS", 0.0)

    def ask(kept) -> None:
        if len(kept.tried) == 4:
            store.ask_search(kept.id, asked)

    found = made_up(store, on_change=ask)
    assert (found.search.status, len(found.search.tried)) == (status, 4)
    assert bool(found.confirmed) == (asked == "stop"), "who stops it wants the winner"
    if asked == "pause":
        assert len(carry_on(found.search.id, store=store, executor=Formula(store)).search.tried) > 4


def test_cancelling_pauses_it(store):
    def progress(fraction: float, what: str) -> None:
        if "trial 3" in what:
            raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled):
        made_up(store, progress=progress)
    assert [kept.status for kept in latest(store)] == ["paused"]


def test_a_search_that_is_at_work_is_not_worked_on_twice(store):
    def meddle(kept) -> None:
        if kept.status == "running":
            with pytest.raises(StoreError, match=f"search {kept.id} is at work"):
                carry_on(kept.id, store=store)

    assert made_up(store, on_change=meddle).search.status == "done"


def test_what_cannot_be_searched_for_is_refused_before_anything_is_kept(store):
    for limits, others, words in [
        ([], {}, "a search needs at least one limit, such as accuracy_drop=1 or size=500KB."),
        (["sze=1"], {}, "no limit 'sze'. Did you mean 'size'?"),
        (LIMITS, {"minutes": 0.0}, "minutes must be above 0, not 0."),
        (LIMITS, {"families": ["Prunning"]}, "no family 'Prunning'. Did you mean 'Pruning'?"),
        (LIMITS, {"training": "much"}, "training must be one of none, quick, thorough, not 'much'."),
    ]:
        with pytest.raises(SettingError) as refused:
            begin("lenet5-fashion", limits, store=store, **others)
        assert str(refused.value) == words
    assert latest(store) == []


def test_what_is_left_of_a_search_without_its_runs_is_still_shown(store):
    found = made_up(store)
    store.delete(found.confirmed.id)
    assert result(load(found.search.id, store), store).confirmed is None


def before_training(store: Store, limit: str, model: str = "lenet5-fashion") -> tuple[list[Trial], Trial]:
    """The trials that tell how small and how fast each pruned network would be, and the first training after them."""

    def until_trained(kept) -> None:
        if any(tried.why == "trained" for tried in kept.tried):
            raise KeyboardInterrupt

    executor = Formula(store)
    asked = {"minutes": 1, "training": "quick", "executor": executor, "on_change": until_trained}
    with pytest.raises(KeyboardInterrupt):
        search(model, ["accuracy_drop=1", limit], store=store, **asked)
    sized = [tried.steps for tried in latest(store)[0].tried if tried.why == "sized"]
    return [trial for trial in executor.measured if trial.recipe in sized], executor.measured[-1]


def test_what_is_trained_first_was_timed_before_where_time_is_limited_and_little_else(store):
    first, trained = before_training(store, "latency=0.4x")
    timed = [trial for trial in first if trial.depth is Depth.POINT]
    assert 0 < len(timed) < len(first) / 2
    assert trained.recipe[0]["prune_channels"].get("sparsity", 0.5) >= 0.35, "0.6 ×, times what is left"
    assert trained.recipe[0] in [trial.recipe[0] for trial in timed]
    pruned = [trial for trial in first if "prune_channels" in trial.recipe[0]]
    assert {trial.recipe[-1]["quantize_weights"].get("bits", 4) for trial in pruned} == {4}, "fewer are no faster"


def test_where_size_is_limited_it_is_not_timed_and_fewer_bits_are_tried_for_what_is_too_large(store):
    first, _ = before_training(store, "size=0.08x")
    assert {trial.depth for trial in first} == {Depth.LOOK}
    assert {trial.recipe[-1]["quantize_weights"].get("bits", 4) for trial in first} == {4, 3, 2}


def test_two_blocks_go_together_of_the_half_that_is_missed_least_once_each_was_seen_to_go_alone(store, cifar10):
    names = {name for name, _ in blocks(load_model("resnet20-cifar10").network)}
    first, _ = before_training(store, "size=0.2x", "resnet20-cifar10")
    skipped = [trial.recipe[0].get("prune_blocks", {}).get("skip") for trial in first]
    gone = [frozenset(names - set(skip)) for skip in skipped if skip]
    order = [len(one) for one in gone]
    assert order == sorted(order)
    assert {one for one in gone if len(one) == 1} == {frozenset([name]) for name in names}
    pairs = {one for one in gone if len(one) == 2}
    half = math.ceil(len(names) / 2)
    assert (len(pairs), len(frozenset.union(*pairs))) == (math.comb(half, 2), half)


def test_no_training_is_asked_for_while_all_workers_train(store):
    executor, at_a_time = Formula(store, ahead=2), []

    def trained(recipes: Iterable) -> set[str]:
        """What was trained for these: other ways to store it are no training."""
        ends = [steps if "quantize_aware_train" in steps[-1] else steps[:-1] for steps in recipes if trains(steps)]
        return {key(steps) for steps in ends}

    def count(kept) -> None:
        ended = trained(tried.steps for tried in kept.tried)
        at_a_time.append(len(trained(trial.recipe for trial in executor.measured) - ended))

    asked = {"minutes": 0.3, "training": "quick", "executor": executor, "on_change": count}
    search("lenet5-fashion", LIMITS, store=store, **asked)
    assert max(at_a_time) == 1


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """LeNet-5, measured for good, in this process."""
    with Store.open(tmp_path_factory.mktemp("real")) as store:
        yield ek.search("lenet5-fashion", ["accuracy_drop=2", "size=0.3x"], trials=3, minutes=20, store=store), store


def test_measured_for_good_the_winner_is_a_file_that_holds_the_limits(real):
    found, store = real
    assert found.chosen.measurements["size_bytes"].value <= 0.3 * found.chosen.baseline_measurements["size_bytes"].value
    assert found.confirmed.artifact.sha256 == found.chosen.artifact.sha256, "the file is made once"
    assert found.confirmed.samples == 10_000
    assert {run.id for run in store.list()} == {found.confirmed.id, found.confirmed.baseline}


def test_a_look_scores_fewer_samples_and_is_not_timed(real):
    found, store = real
    look = store.get(next(tried.run for tried in found.search.tried if not tried.whole))
    assert (look.split, look.samples) == ("validation", 1000)
    assert "latency_ms" not in look.measurements
    assert look.comparison.latency_ratio is None
    assert look.comparison.accuracy_difference.low <= look.comparison.accuracy_difference.high


def test_the_same_trial_again_is_found_in_the_store(real):
    found, store = real
    again = search("lenet5-fashion", found.search.limits, trials=3, minutes=20, store=store)
    assert {tried.run for tried in again.search.tried} == {tried.run for tried in found.search.tried}
    assert again.confirmed.id == found.confirmed.id
