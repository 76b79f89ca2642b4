"""One contract for every store: SQLite or PostgreSQL, with files in a folder or in a bucket of S3."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edgekit.core.artifact import Artifact
from edgekit.core.errors import StoreError
from edgekit.core.run import Status, Step
from edgekit.store.store import Store, owner
from tests.factories import a_baseline, a_run, a_stopped_run, measurements

FOLDER, S3, POSTGRES, BOTH = "a folder", "files in S3", "PostgreSQL", "PostgreSQL, files in S3"
SHARED = [POSTGRES, BOTH]  # by several machines


@pytest.fixture(params=[FOLDER, S3, POSTGRES, BOTH], ids=str)
def store(request, tmp_path, home):
    files, database = tmp_path / "store", None
    if request.param in (S3, BOTH):
        files = request.getfixturevalue("bucket") + "/edgekit"
    if request.param in (POSTGRES, BOTH):
        database = request.getfixturevalue("database")
    with Store.open(files, database) as opened:
        yield opened


def a_file(path, data=b"weights"):
    path.mkdir(exist_ok=True)
    file = path / f"{hashlib.sha256(data).hexdigest()[:8]}.onnx"
    file.write_bytes(data)
    return file


def kept_run(store, path, data=b"weights", **changes):
    """A run saved with a real file in the store."""
    run = a_run(id=store.new_id(), artifact=store.add_file(a_file(path, data)), **changes)
    store.save(run)
    return run


def test_what_was_saved_is_what_comes_back(store, tmp_path):
    for run in (kept_run(store, tmp_path), a_stopped_run(Status.FAILED, "why", id="failed")):
        store.save(run)
        assert store.get(run.id) == run


def test_a_run_can_be_saved_again_and_again(store):
    run = a_run(status=Status.RUNNING)
    store.save(run)
    run.status, run.seconds = Status.DONE, 7.5
    store.save(run)
    assert (store.count(), store.get(run.id).status, store.get(run.id).seconds) == (1, Status.DONE, 7.5)


def test_an_unknown_run_is_refused_by_every_verb(store):
    text = (
        "no run 'nobody' in the store: it was deleted, or it is in another one. "
        "The Runs page lists those that are here."
    )
    for verb in (store.get, store.pin, store.delete, lambda id: store.rename(id, "name")):
        with pytest.raises(StoreError) as refused:
            verb("nobody")
        assert str(refused.value) == text


def test_new_ids_differ_and_fit_into_a_link(store):
    ids = {store.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(id) == 10 and id.isalnum() for id in ids)


def test_find_gives_the_newest_finished_run_with_the_same_fingerprint(store, tmp_path):
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 3, 2)]
    made = [kept_run(store, tmp_path, fingerprint="same", created=time) for time in times]
    store.save(a_stopped_run(Status.FAILED, fingerprint="same", created=datetime(2026, 1, 9, tzinfo=UTC)))
    assert store.find("same").id == made[1].id
    assert store.find("other") is None


def test_find_passes_over_runs_whose_file_is_gone(store, tmp_path):
    kept_run(store, tmp_path, fingerprint="same")
    store.retention(0)
    assert store.find("same") is None


def test_lists_are_newest_first_in_pages(store):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(7):
        store.save(a_run(id=f"run{number}", created=start + timedelta(hours=number)))
    pages = [[run.id for run in store.list(3, offset)] for offset in (0, 3, 6, 9)]
    assert pages == [["run6", "run5", "run4"], ["run3", "run2", "run1"], ["run0"], []]


def test_runs_of_one_moment_have_an_order_too(store):
    for id in ("b", "c", "a"):
        store.save(a_run(id=id, created=datetime(2026, 1, 1, tzinfo=UTC)))
    assert [store.list(1, offset)[0].id for offset in range(3)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"one", "two", "three"}),
        ({"model": "resnet8-cifar10"}, {"two"}),
        ({"statuses": [Status.FAILED, Status.CANCELLED]}, {"three"}),
        ({"statuses": []}, set()),
        ({"search": "FIRST"}, {"one"}),
        ({"search": "first try"}, {"one"}),
        ({"search": "try nowhere"}, set()),
        ({"search": "prune_weights"}, {"three"}),
        ({"search": "no room"}, {"three"}),
        ({"search": "100%"}, {"two"}),
        ({"search": "_"}, {"one", "two", "three"}),
        ({"ids": ["one", "three", "nobody"]}, {"one", "three"}),
        ({"ids": []}, set()),
    ],
)
def test_lists_hold_what_was_asked_for(store, asked, found):
    store.save(a_run(id="one", name="My first try"))
    store.save(a_run(id="two", name="100% of it", model="resnet8-cifar10"))
    store.save(a_stopped_run(Status.FAILED, "no room", id="three"))
    assert {run.id for run in store.list(**asked)} == found
    if "ids" not in asked:
        assert store.count(**asked) == len(found)


def test_summaries_hold_the_numbers_of_finished_runs(store):
    run = a_run()
    store.save(run)
    store.save(a_stopped_run(Status.CANCELLED))
    store.save(a_run(samples=500))
    store.save(a_run(model="other"))
    (found,) = store.summaries(run.model, run.samples)
    assert (found.id, found.recipe, found.status, found.created) == (run.id, run.recipe, run.status, run.created)
    assert found.metrics == {m: (x.value, x.low, x.high) for m, x in run.measurements.items()}
    assert found.metrics["accuracy"].value == run.measurements["accuracy"].value
    assert (found.comparison["speed"], found.comparison["latency_ratio"]) == ("faster", [0.52, 0.50, 0.54])
    assert (found.host, found.sha256, found.is_baseline) == ("host", run.artifact.sha256, False)
    assert len(store.summaries(statuses=None)) == 4
    assert len(store.summaries(statuses=None, limit=2)) == 2


def test_a_baseline_has_a_summary_without_a_comparison(store):
    store.save(a_baseline())
    assert [(s.is_baseline, s.comparison) for s in store.summaries()] == [(True, {})]


def test_a_name_lasts_whatever_the_job_saves_later(store):
    run = a_run()
    store.save(run)
    store.rename(run.id, "  The good one ")
    store.pin(run.id)
    store.save(run)  # memory and shipped size have come in
    assert (store.get(run.id).name, store.get(run.id).pinned) == ("The good one", True)
    store.rename(run.id, "")
    store.pin(run.id, False)
    assert (store.get(run.id).name, store.get(run.id).pinned) == ("", False)


def test_a_file_is_kept_under_its_sha256(store, tmp_path):
    file = a_file(tmp_path / "made", b"some weights")
    artifact = store.add_file(file)
    sha256 = hashlib.sha256(b"some weights").hexdigest()
    assert (artifact.sha256, artifact.bytes) == (sha256, 12)
    assert store.file(sha256).read_bytes() == b"some weights"
    assert not file.exists()


def test_the_same_file_twice_is_kept_once(store, tmp_path):
    first, second = (store.add_file(a_file(tmp_path / name)) for name in ("one", "two"))
    assert (first, store.bytes_used()) == (second, 7)
    assert not list((tmp_path / "two").iterdir())


@pytest.mark.parametrize("sha256", ["0" * 64, "", "../runs", "short"])
def test_a_file_that_is_not_here_is_refused(store, sha256):
    with pytest.raises(StoreError) as refused:
        store.file(sha256)
    assert str(refused.value) == (
        f"the file {sha256[:12]}… is not in the store: it was deleted, or removed to make room. "
        "Run the recipe again to make it."
    )


def test_delete_removes_the_run_with_its_files_and_arrays(store, tmp_path):
    run = kept_run(store, tmp_path)
    store.put_array(f"{run.artifact.sha256}-outputs", np.zeros(5))
    store.delete(run.id)
    assert (store.count(), store.bytes_used(), store.has_file(run.artifact.sha256)) == (0, 0, False)
    assert store.get_array(f"{run.artifact.sha256}-outputs") is None


def test_delete_keeps_files_that_others_use(store, tmp_path):
    baseline = kept_run(store, tmp_path, b"float", recipe=[])
    shared = store.add_file(a_file(tmp_path, b"small")).model_copy(update={"parent": baseline.artifact.sha256})
    first, second = a_run(artifact=shared), a_run(artifact=shared)
    store.save(first)
    store.save(second)
    store.delete(first.id)
    store.delete(baseline.id)
    assert store.file(shared.sha256)
    assert store.file(baseline.artifact.sha256), "the second run is compared with it"
    store.delete(second.id)
    assert store.bytes_used() == 0


def test_delete_removes_the_files_of_single_steps_too(store, tmp_path):
    artifacts = [store.add_file(a_file(tmp_path, data)) for data in (b"step one", b"step two")]
    steps = [Step(index=i, technique="t", artifact=a, measurements=measurements()) for i, a in enumerate(artifacts, 1)]
    run = a_run(artifact=artifacts[1], steps=steps)
    store.save(run)
    assert store.get(run.id).steps == steps
    store.delete(run.id)
    assert store.bytes_used() == 0


def test_a_run_that_was_deleted_while_it_was_measured_stays_deleted(store):
    run = a_run()
    store.save(run)
    store.delete(run.id)
    store.save(run)
    assert store.count() == 0


def test_a_run_at_work_cannot_be_deleted(store):
    run = a_stopped_run(Status.RUNNING, id="busy", owner=owner())
    store.save(run)
    with pytest.raises(StoreError) as refused:
        store.delete(run.id)
    assert str(refused.value) == "run busy is still at work. Cancel it first, then delete it."


def test_a_file_that_was_just_made_is_not_swept_away_before_its_run_is_saved(store, tmp_path):
    other = kept_run(store, tmp_path, b"same bytes")
    artifact = store.add_file(a_file(tmp_path, b"same bytes"))
    store.delete(other.id)
    store.interrupt_dead()
    store.retention(0)
    assert store.file(artifact.sha256)


def test_the_quota_removes_files_of_the_oldest_runs_and_leaves_their_numbers(store, tmp_path):
    runs = [
        kept_run(store, tmp_path, bytes([day]) * 100, created=datetime(2026, 1, day, tzinfo=UTC)) for day in range(1, 5)
    ]
    store.pin(runs[1].id)
    store.put_array(f"{runs[0].artifact.sha256}-outputs", np.zeros(10))
    assert store.retention(10_000) == []
    assert store.retention(250) == [runs[0].artifact.sha256, runs[2].artifact.sha256]
    assert [store.has_file(run.artifact.sha256) for run in runs] == [False, True, False, True]
    assert store.get_array(f"{runs[0].artifact.sha256}-outputs") is None
    assert store.get(runs[0].id).measurements == runs[0].measurements
    assert store.bytes_used() == 200


def test_pinned_runs_survive_a_quota_of_nothing(store, tmp_path):
    run = kept_run(store, tmp_path)
    store.pin(run.id)
    store.retention(0)
    assert store.file(run.artifact.sha256).read_bytes() == b"weights"


def test_a_file_is_as_young_as_the_newest_run_that_is_compared_with_it(store, tmp_path):
    def day(number):
        return datetime(2026, 1, number, tzinfo=UTC)

    baseline = kept_run(store, tmp_path, b"float" * 20, recipe=[], created=day(1))
    old = kept_run(store, tmp_path, b"older" * 20, created=day(2))
    new = store.add_file(a_file(tmp_path, b"newer" * 20))
    store.save(a_run(artifact=new.model_copy(update={"parent": baseline.artifact.sha256}), created=day(3)))
    assert store.retention(200) == [old.artifact.sha256]


def test_arrays_come_back_as_they_were(store):
    outputs = np.random.default_rng(0).normal(size=(20, 10)).astype(np.float32)
    store.put_array("file-data:10/all", outputs)
    found = store.get_array("file-data:10/all")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, outputs)
    assert store.get_array("file-data:10") is None


def test_many_threads_may_save_and_read_at_once(store, tmp_path):
    def work(number):
        run = kept_run(store, tmp_path / str(number), b"shared" if number % 2 else bytes([number]))
        store.rename(run.id, f"run {number}")
        return store.get(run.id).name, len(store.list(5)) > 0

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == [(f"run {number}", True) for number in range(40)]
    assert store.count() == 40


def test_artifacts_carry_where_they_lie_now(store, tmp_path):
    run = a_run(artifact=Artifact(path="elsewhere.onnx", sha256=store.add_file(a_file(tmp_path)).sha256, bytes=7))
    store.save(run)
    assert run.artifact.sha256 in store.get(run.id).artifact.path
    assert store.get(run.id).artifact.path != "elsewhere.onnx"
