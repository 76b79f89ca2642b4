"""A run from end to end on LeNet-5: what is kept, in what order, and what becomes of it when something stops it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit import pipeline
from edgekit.core import files
from edgekit.core.errors import Cancelled, NothingToDo, RecipeError
from edgekit.core.files import sha256
from edgekit.core.measurement import BY_TASK, METRICS, OF_DEVICES
from edgekit.core.run import Depth, Run, Status
from edgekit.data import splits
from edgekit.models.samples import load
from edgekit.pipeline import _fingerprint, baseline, compress, measure_file
from edgekit.recipe import Recipe
from edgekit.store.store import Store

SAMPLES = 400
LABELLED = set(METRICS) - set(OF_DEVICES) - set(BY_TASK) | {"accuracy", "macro_f1"}  # measured of labelled samples
TWO_STEPS = Recipe.parse("prune_weights,sparsity=0.5", "quantize_static,samples=64")


@pytest.fixture(scope="module")
def model():
    return load("lenet5-fashion")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for tests that only add runs and look at them: the baseline is measured once."""
    with Store.open(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


@pytest.fixture(scope="module")
def run(model, shared: Store) -> Run:
    return compress(model, TWO_STEPS, store=shared, samples=SAMPLES, each_step=True)


def test_every_number_of_a_run_is_a_number_of_its_file(model, run: Run):
    path = Path(run.artifact.path)
    assert sha256(path) == run.artifact.sha256
    assert path.stat().st_size == run.artifact.bytes == run.measurements["size_bytes"].value
    again = measure_file(path, model, SAMPLES)
    for metric in ("accuracy", "size_bytes", "shipped_bytes", "coded_bytes", "weight_bits", "params", "macs"):
        assert again[metric].value == run.measurements[metric].value, metric


def test_a_finished_run_has_every_metric_and_its_baseline_too(run: Run):
    assert set(run.measurements) == set(run.baseline_measurements) == LABELLED
    for found in run.measurements.values():
        assert found.low <= found.value <= found.high


def test_a_run_is_compared_with_its_baseline_on_the_same_samples(run: Run, shared: Store):
    before = shared.get(run.baseline)
    assert before.is_baseline
    assert run.comparison.size_ratio == run.artifact.bytes / before.artifact.bytes
    difference = run.measurements["accuracy"].value - before.measurements["accuracy"].value
    assert run.comparison.accuracy_difference.value == pytest.approx(difference)
    assert run.disagreements.total == SAMPLES
    assert sum(map(sum, run.confusion)) == SAMPLES


def test_the_files_after_each_step_are_kept_and_the_last_is_the_runs_own(run: Run):
    first, last = run.steps
    assert (first.technique, last.technique) == ("prune_weights", "quantize_static")
    assert last.artifact.sha256 == run.artifact.sha256
    assert sha256(Path(first.artifact.path)) == first.artifact.sha256
    assert set(first.measurements) == LABELLED
    assert first.measurements["size_bytes"].value > 3 * last.measurements["size_bytes"].value


def test_what_was_measured_is_found_again_and_measured_anew_only_when_asked(model, run: Run, shared: Store):
    found = compress(model, TWO_STEPS, store=shared, samples=SAMPLES)
    assert found.id == run.id
    anew = compress(model, TWO_STEPS, store=shared, samples=SAMPLES, fresh=True)
    assert anew.id != run.id
    assert anew.artifact.sha256 == run.artifact.sha256


def test_a_recipe_goes_on_from_where_an_earlier_one_that_begins_alike_was(model, store: Store, monkeypatch):
    monkeypatch.setattr(pipeline, "WORTH_KEEPING", 0.0)
    pruned = ["prune_channels,sparsity=0.5", "fine_tune,epochs=1"]
    compress(model, Recipe.parse(pruned), store=store, samples=SAMPLES)
    both = Recipe.parse([*pruned, "quantize_static,samples=64"])
    told = []
    after = compress(model, both, store=store, samples=SAMPLES, progress=lambda done, what: told.append(what))
    alone = compress(model, both, store=store, samples=SAMPLES, fresh=True)
    assert not any("epoch" in what for what in told)
    assert after.artifact.sha256 == alone.artifact.sha256
    assert (after.changes, len(after.curve)) == (alone.changes, 1)
    assert after.curve[0] | {"seconds": 0} == alone.curve[0] | {"seconds": 0}


def test_a_look_is_measured_deeper_and_stays_the_same_run(model, store: Store):
    recipe = Recipe.parse("quantize_static,samples=32")
    look = compress(model, recipe, store=store, samples=SAMPLES, split="validation", depth=Depth.LOOK)
    assert look.split == "validation"
    assert not {"latency_ms", "peak_memory_bytes"} & set(look.measurements)
    told = []
    point = compress(
        model, recipe, store=store, samples=SAMPLES, split="validation", depth=Depth.POINT,
        progress=lambda done, what: told.append(what),
    )  # fmt: skip
    assert (point.id, point.artifact.sha256) == (look.id, look.artifact.sha256)
    assert point.measurements["accuracy"] == look.measurements["accuracy"]
    assert {"latency_ms", "latency_p95_ms"} <= set(store.get(look.id).measurements)
    assert not any("of 400 samples" in what for what in told), "what it answers was known"


def test_what_was_chosen_on_validation_data_is_the_same_file_on_the_test_set(model, store: Store):
    recipe = Recipe.parse("prune_channels,sparsity=0.5", "fine_tune,epochs=1", "quantize_static,samples=32")
    chosen = compress(model, recipe, store=store, samples=SAMPLES, split="validation", depth=Depth.LOOK)
    told = []
    confirmed = compress(model, recipe, store=store, samples=SAMPLES, progress=lambda done, what: told.append(what))
    assert confirmed.artifact.sha256 == chosen.artifact.sha256
    assert (confirmed.curve, confirmed.changes) == (chosen.curve, chosen.changes)
    assert confirmed.made == chosen.made
    assert not any("epoch" in what for what in told), "it is not trained again"
    assert {run.id for run in store.list()} == {confirmed.id, confirmed.baseline}, "lists show the test set"
    assert {run.split for run in store.list(split=None)} == {"test", "validation"}


def test_other_samples_and_other_seeds_are_other_runs(model, run: Run, shared: Store):
    assert compress(model, TWO_STEPS, store=shared, samples=SAMPLES // 2).id != run.id
    assert compress(model, TWO_STEPS, store=shared, samples=SAMPLES, seed=1).id != run.id


def test_a_teacher_that_was_trained_again_makes_another_run(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = splits.load(model.data)
    taught, alone = Recipe.parse("distill,teacher=lenet5-fashion"), Recipe.parse("distill")

    def fingerprints() -> list[str]:
        return [_fingerprint(model, recipe, data, data.evaluation, 0) for recipe in (taught, alone)]

    before = fingerprints()
    shutil.copytree(files.sample_models() / model.id, tmp_path / model.id)
    card = tmp_path / model.id / "card.yaml"
    card.write_text(card.read_text().replace("sha256: ", "sha256: 0"))
    monkeypatch.setattr(files, "sample_models", lambda: tmp_path)
    after = fingerprints()
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_the_point_is_saved_and_given_before_memory_and_shipped_size_are_known(model, shared: Store):
    seen = []

    def look(run: Run) -> None:
        seen.append((set(run.measurements), shared.get(run.id).status))

    final = compress(model, Recipe.parse("quantize_fp16"), store=shared, samples=SAMPLES, on_point=look)
    ((metrics, status),) = seen
    assert {"accuracy", "size_bytes", "latency_ms"} <= metrics
    assert LABELLED - metrics == {"peak_memory_bytes", "shipped_bytes", "coded_bytes"}
    assert status is Status.DONE
    assert set(shared.get(final.id).measurements) == LABELLED


def test_an_impossible_recipe_is_refused_before_anything_is_done(model, store: Store):
    with pytest.raises(RecipeError, match="Move step 2 before step 1"):
        compress(model, Recipe.parse("quantize_static", "prune_channels"), store=store)
    assert store.count() == 0


def test_a_step_that_would_do_nothing_fails_the_run_with_its_words(model, store: Store):
    with pytest.raises(NothingToDo) as caught:
        compress(model, Recipe.parse("prune_weights,sparsity=0.0"), store=store, samples=SAMPLES)
    (failed,) = store.list(statuses=[Status.FAILED])
    assert failed.error == str(caught.value)
    assert failed.artifact is None


@pytest.mark.parametrize("moment", [0.15, 0.5, 0.8, 0.95])
def test_cancel_at_any_moment_is_kept_as_cancelled_and_leaves_no_file(model, store: Store, moment: float):
    base = baseline(model, store=store, samples=SAMPLES)

    def stop(fraction: float, what: str) -> None:
        if fraction >= moment:
            raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled):
        compress(model, TWO_STEPS, store=store, samples=SAMPLES, progress=stop)
    (cancelled,) = store.list(statuses=[Status.CANCELLED])
    assert cancelled.recipe == TWO_STEPS.to_list()
    store.delete(cancelled.id)
    names = [path.name for path in store.file(base.artifact.sha256).parent.iterdir()]
    assert names == [store.file(base.artifact.sha256).name]


def test_a_slider_that_moved_on_leaves_no_cancelled_run_behind(model, store: Store):
    baseline(model, store=store, samples=SAMPLES)

    def stop(fraction: float, what: str) -> None:
        if fraction >= 0.5:
            raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled):
        compress(model, TWO_STEPS, store=store, samples=SAMPLES, progress=stop, keep_cancelled=False)
    assert [run.is_baseline for run in store.list()] == [True]


def test_a_run_whose_point_was_drawn_is_not_taken_back_by_a_late_cancel(model, store: Store):
    drawn = []

    def stop(fraction: float, what: str) -> None:
        if drawn:
            raise Cancelled("stopped by the test")

    with pytest.raises(Cancelled):
        compress(
            model, TWO_STEPS, store=store, samples=SAMPLES, progress=stop, on_point=drawn.append, keep_cancelled=False
        )
    assert set(store.get(drawn[0].id).measurements) == LABELLED


def test_progress_never_goes_back_and_ends_at_one(model, store: Store):
    told = []
    compress(model, TWO_STEPS, store=store, samples=SAMPLES, progress=lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0
