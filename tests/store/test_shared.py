"""A store that several machines share: what is said when it cannot be reached, and that it is reached again."""

import subprocess
import sys
import threading
import time

import fsspec
import pytest

from edgekit.core.errors import StoreError
from edgekit.core.run import Status
from edgekit.library import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.store import files
from edgekit.store.files import Files
from edgekit.store.store import INTERRUPTED, WAITING, Store, owner
from tests.factories import a_run, a_stopped_run
from tests.servers import free_port
from tests.store.processes import end, start

AT_WORK = """
import sys
from edgekit.core.run import Status
from edgekit.store.store import Store, owner
from tests.factories import a_run, a_stopped_run

store = Store.open(*sys.argv[1:])
store.save(a_stopped_run(Status.RUNNING, id="theirs", owner=owner()))
with store.alone("a-fingerprint"):
    print(owner(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request, tmp_path):
    """What `Store.open` takes to open the same store in any process."""
    return (tmp_path / "store", *([request.getfixturevalue("database")] if request.param == "PostgreSQL" else []))


def test_what_a_killed_process_was_making_is_interrupted_and_its_turn_is_over(place):
    with Store.open(*place) as store:
        other = start(AT_WORK, *place)
        waited = threading.Event()
        assert store.interrupt_dead() == []

        def progress(fraction, what):
            assert what == WAITING
            if not waited.is_set():
                waited.set()
                end(other, kill=True)

        with store.alone("a-fingerprint", progress):
            assert waited.is_set()
        assert store.interrupt_dead() == ["theirs"]
        assert (store.get("theirs").status, store.get("theirs").error) == (Status.INTERRUPTED, INTERRUPTED)


def test_threads_of_one_process_do_not_wait_for_each_other(place):
    """A long job rests until a short one is done: if that waited for the long one, both would for ever."""
    with Store.open(*place) as store, store.alone("same", pytest.fail), store.alone("same", pytest.fail):
        thread = threading.Thread(target=lambda: store.alone("same", pytest.fail).__enter__())
        thread.start()
        thread.join(10)
        assert not thread.is_alive()


def test_waiting_for_a_turn_can_be_cancelled(place):
    class Enough(Exception):
        pass

    def progress(fraction, what):
        raise Enough

    with Store.open(*place) as store:
        other = start(AT_WORK, *place)
        with pytest.raises(Enough), store.alone("a-fingerprint", progress):
            pass
        end(other)
        with store.alone("a-fingerprint", progress):
            pass


def test_a_store_has_one_name_wherever_it_is_opened(place, tmp_path):
    with Store.open(*place) as one, Store.open(*place) as same, Store.open(tmp_path / "other") as other:
        assert one.id == same.id != other.id


def test_a_compression_is_kept_in_both_and_its_file_is_fetched_where_it_is_not(bucket, database, home, monkeypatch):
    monkeypatch.setenv("EDGEKIT_FILES", f"{bucket}/edgekit")
    monkeypatch.setenv("EDGEKIT_STORE", database)
    model = load("lenet5-fashion")
    with Store.open() as store:
        run = compress(model, Recipe.parse("quantize_weights,bits=4"), store=store, samples=100)
        assert run.artifact.path == f"{bucket}/edgekit/files/{run.artifact.sha256}.onnx"
        assert not list(home.rglob("*.onnx"))
    monkeypatch.setenv("EDGEKIT_CACHE", str(home / "another machine"))
    with Store.open() as elsewhere:
        copy = elsewhere.file(run.artifact.sha256)
        assert (home in copy.parents, copy.stat().st_size) == (True, run.artifact.bytes)
        assert elsewhere.find(run.fingerprint).measurements == run.measurements


def test_a_named_folder_is_used_whatever_the_environment_says(tmp_path, home, monkeypatch):
    monkeypatch.setenv("EDGEKIT_FILES", "s3://nowhere/at-all")
    monkeypatch.setenv("EDGEKIT_STORE", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    with Store.open(tmp_path / "mine") as store:
        store.save(a_run(id="kept"))
    assert (tmp_path / "mine" / "edgekit.db").exists()


def test_copies_of_files_that_lie_elsewhere_make_room_for_newer_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "MOST_COPIES_BYTES", 250)
    monkeypatch.setattr(files, "IN_USE_SECONDS", -1)
    shelf = Files(f"memory://{tmp_path.name}/files")
    for number in range(4):
        shelf.write(f"{number}.onnx", bytes(100))
    first, second = (shelf.path(f"{number}.onnx") for number in range(2))
    time.sleep(0.02)
    shelf.path("0.onnx")  # asked for again, so the other one goes first
    shelf.path("2.onnx")
    assert (first.exists(), second.exists()) == (True, False)
    assert shelf.path("1.onnx").read_bytes() == bytes(100)


# What is said


def refusal(*address):
    with pytest.raises(StoreError) as refused:
        Store.open(*address)
    return str(refused.value)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path):
    port = free_port()
    address = f"postgresql+psycopg://someone:secret@127.0.0.1:{port}/edgekit"
    said = refusal(tmp_path, address)
    assert said.startswith(
        f"the database postgresql+psycopg://someone:***@127.0.0.1:{port}/edgekit must answer, and does not: "
    )
    assert "refused" in said
    assert said.endswith("Check that it runs, and that the address in EDGEKIT_STORE is right; then try again.")


def test_a_database_that_went_away_is_used_again_once_it_is_back(postgres_server, database, tmp_path):
    with Store.open(tmp_path / "store", database) as store:
        store.save(a_run(id="before"))
        postgres_server.stop()
        with pytest.raises(StoreError, match="must answer, and does not"):
            store.save(a_run(id="while it was away"))
        postgres_server.start()
        store.save(a_stopped_run(Status.RUNNING, id="after", owner=owner()))
        assert {run.id for run in store.list()} == {"before", "after"}
        with Store.open(tmp_path / "store", database) as other:
            assert other.interrupt_dead() == [], "a connection that was made again says who is alive, too"


@pytest.mark.parametrize(
    ("address", "what"),
    [("mysql://127.0.0.1/edgekit", "this one is of mysql"), ("a file", "this is no address: a file")],
)
def test_other_databases_are_refused(tmp_path, address, what):
    assert refusal(tmp_path, address) == (
        "the database of a store must be SQLite (sqlite:///FILE) or PostgreSQL "
        f"(postgresql+psycopg://USER:PASSWORD@HOST/NAME); {what}. Set EDGEKIT_STORE to such an address, or to nothing."
    )


def test_another_driver_is_refused(tmp_path):
    assert refusal(tmp_path, "postgresql+asyncpg://127.0.0.1/edgekit") == (
        "the address of a PostgreSQL database must begin with postgresql+psycopg://; this one begins with "
        "postgresql+asyncpg://. Set EDGEKIT_STORE to such an address."
    )


def test_a_bucket_that_is_not_there_is_refused_before_anything_is_computed(s3_server, home):
    assert refusal("s3://edgekit-no-such-bucket/runs") == (
        "s3://edgekit-no-such-bucket/runs/files must be a place where EdgeKit may read and write, and is not: "
        "The specified bucket does not exist. Check that it exists and answers, that EDGEKIT_FILES is right, and that "
        "the keys are set (for S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL); then try again."
    )


def test_storage_that_does_not_answer_says_so(s3_server, home, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()
    try:
        assert "and is not: Could not connect to the endpoint URL" in refusal("s3://edgekit/runs")
    finally:
        fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.parametrize(
    ("package", "call", "said"),
    [
        (
            "psycopg",
            "Store.open(folder, 'postgresql+psycopg://127.0.0.1/edgekit')",
            'a store in PostgreSQL must have its driver, which is not installed: pip install "psycopg[binary]"',
        ),
        (
            "s3fs",
            "Store.open('s3://bucket/edgekit')",
            "files at s3:// need a package that is not installed: pip install s3fs",
        ),
    ],
)
def test_what_is_not_installed_is_asked_for_by_name(package, call, said, tmp_path):
    code = (
        f"import sys; sys.modules[{package!r}] = None; folder = sys.argv[1]\n"
        f"from edgekit.store.store import Store\ntry: {call}\nexcept Exception as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (said, "")
