"""What a store says when the disk is full, the database damaged or locked: one sentence with what to do."""

import shutil
import sqlite3
import subprocess

import numpy as np
import pytest

from edgekit.core.errors import StoreError
from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.factories import a_run
from tests.store.processes import end, start

HOLD_THE_DATABASE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.close()
"""

FILL_THE_DISK = """
import resource, sys
import numpy
from pathlib import Path
from edgekit.core.errors import StoreError
from edgekit.store.store import Store
from tests.factories import a_run

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
store = Store.open(folder / "store")
kept = a_run(id="kept")
store.save(kept)
made = Path(sys.argv[3]) / "made.onnx"
made.write_bytes(bytes(400_000))
if limit:  # no file may grow beyond this
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print("ready", flush=True)
for verb in (lambda: store.add_file(made), lambda: store.put_array("key", numpy.zeros(100_000))):
    try:
        verb()
    except StoreError as error:
        print(error)
kept_by_the_store = (".lock", ".db", ".db-wal", ".db-shm")
print(sorted(path.name for path in (folder / "store").rglob("*") if path.suffix not in kept_by_the_store))
print(made.exists(), store.bytes_used(), store.get("kept").measurements == kept.measurements)
try:
    for number in range(200):
        store.save(a_run(id=f"run{number}", error="x" * 5_000))
except StoreError as error:
    print(error)
print(store.count() == number + 1, len(store.list(300)) == number + 1)
store.close()
"""


@pytest.fixture
def database(tmp_path):
    """The file of a store with one run in it."""
    with Store.open(tmp_path / "store") as store:
        store.save(a_run(id="kept"))
    return tmp_path / "store" / "edgekit.db"


def test_a_store_locked_by_another_process_can_be_read_and_says_so_when_it_is_written(database):
    other = start(HOLD_THE_DATABASE, database)
    with Store.open(database.parent, patience=0.2) as store:
        assert store.get("kept").id == "kept"
        for verb in (lambda: store.save(a_run(id="new")), lambda: store.rename("kept", "name")):
            with pytest.raises(StoreError) as refused:
                verb()
            assert str(refused.value) == (
                f"{database} is locked by another process. Wait until it has finished, or stop it, and try again."
            )
        end(other)
        store.save(a_run(id="new"))
        assert store.count() == 2


def test_a_store_that_cannot_even_be_opened_for_another_process_says_so(tmp_path):
    """A new database that another program holds: not yet in write-ahead mode, so it cannot be read either."""
    database = tmp_path / "store" / "edgekit.db"
    database.parent.mkdir()
    other = start(HOLD_THE_DATABASE, database)
    with pytest.raises(StoreError) as refused:
        Store.open(database.parent, patience=0.2)
    assert str(refused.value) == (
        f"{database} is locked by another process. Wait until it has finished, or stop it, and try again."
    )
    end(other)
    with Store.open(database.parent) as store:
        assert store.count() == 0


def test_a_writer_waits_for_its_turn_before_it_gives_up(database):
    other = start(HOLD_THE_DATABASE.replace("sys.stdin.read()", "import time; time.sleep(0.5)"), database)
    with Store.open(database.parent, patience=20) as store:
        store.save(a_run(id="new"))
        assert store.count() == 2
    end(other)


def full(where):
    return (
        f"nothing more can be kept in {where}: the disk is full. What was kept before is intact. Free some space, "
        "or delete runs that are no longer needed, and try again."
    )


def refused_for_want_of_room(process, folder):
    """What FILL_THE_DISK printed: nothing half-written, what was there is intact, and it said what to do."""
    file, array, left, intact, saving, counted = end(process).splitlines()
    assert (file, array) == (full(folder / "store" / "files"), full(folder / "store" / "arrays"))
    assert left == "['arrays', 'files', 'owners']"
    assert intact == "True 0 True"
    assert counted == "True True"
    return saving


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    """A limit on the size of files stands in for a full disk where nothing can be mounted."""
    (tmp_path / "made").mkdir()
    process = start(FILL_THE_DISK, tmp_path, 300_000, tmp_path / "made")
    saving = refused_for_want_of_room(process, tmp_path)
    assert saving.startswith(f"{tmp_path / 'store' / 'edgekit.db'} must be a place that EdgeKit may read and write: ")


IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def can_mount():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*IN_A_NAMESPACE, "mount -t tmpfs none /tmp"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this system lets no ordinary user mount a small disk")
def test_a_really_full_disk_is_called_full(tmp_path):
    disk = tmp_path / "disk"
    for folder in (disk, tmp_path / "made"):
        folder.mkdir()
    mounted = (*IN_A_NAMESPACE, f'mount -t tmpfs -o size=384k none "{disk}" && exec "$@"', "sh")
    process = start(FILL_THE_DISK, disk, 0, tmp_path / "made", wrapper=mounted)
    assert process.first_line == "ready"
    assert refused_for_want_of_room(process, disk) == full(disk / "store" / "edgekit.db")


def damaged(database, why):
    return (
        f"{database} is damaged ({why}). Move this file away, with those beside it that end in -wal and -shm: "
        "EdgeKit then starts a new one. The model files are in the folder 'files' and stay as they are; "
        "'sqlite3 FILE .recover' can often read back the list of runs."
    )


def test_a_file_that_is_no_database_is_named(database):
    database.write_bytes(b"this is no database " * 100)
    with pytest.raises(StoreError) as refused:
        Store.open(database.parent)
    assert str(refused.value) == damaged(database, "file is not a database")


def test_a_database_with_damaged_pages_is_named(database):
    with Store.open(database.parent) as store:
        for number in range(20):
            store.save(a_run(id=f"run{number}"))
    size = database.stat().st_size
    with database.open("r+b") as file:  # the first page stays whole, so that it opens
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreError) as refused, Store.open(database.parent) as store:
        store.list()
    assert str(refused.value) == damaged(database, "database disk image is malformed")


def test_after_moving_a_damaged_database_away_the_store_starts_anew(database):
    database.write_bytes(b"this is no database " * 100)
    for path in database.parent.glob("edgekit.db*"):
        path.rename(path.with_name(f"old-{path.name}"))
    with Store.open(database.parent) as store:
        assert store.count() == 0


def test_a_store_of_another_version_is_left_alone(database):
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE about SET value = '99' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(StoreError) as refused:
        Store.open(database.parent)
    assert str(refused.value) == (
        f"{database} must be a store of form 2; it has form 99, of another version of EdgeKit. "
        "Use that version, or set EDGEKIT_HOME to an empty folder."
    )


def test_a_home_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError) as refused:
        Store.open(tmp_path / "home")
    assert str(refused.value) == (
        f"{tmp_path / 'home' / 'edgekit.db'} must be a place that EdgeKit may read and write: File exists. "
        "Set EDGEKIT_HOME to another."
    )


def test_a_measured_file_that_was_damaged_is_never_handed_out(tmp_path):
    with Store.open(tmp_path / "store") as store:
        (tmp_path / "made.onnx").write_bytes(b"weights")
        artifact = store.add_file(tmp_path / "made.onnx")
        path = store.file(artifact.sha256)
        path.write_bytes(b"wrights")
        with pytest.raises(StoreError) as refused:
            store.file(artifact.sha256)
        assert str(refused.value) == (
            f"{path} is damaged: its sha256 must be {artifact.sha256[:12]}…, and is 9fd0691bfe4d…. "
            "Delete this file and run the recipe again."
        )
        (tmp_path / "made.onnx").write_bytes(b"weights")
        store.add_file(tmp_path / "made.onnx")
        assert store.file(artifact.sha256).read_bytes() == b"weights"


def test_a_file_to_add_that_does_not_exist_is_refused(tmp_path):
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(StoreError, match="made.onnx must be a place that EdgeKit may read and write: No such file"):
            store.add_file(tmp_path / "made.onnx")
        assert store.bytes_used() == 0


def test_a_damaged_cached_array_is_computed_again(tmp_path, caplog):
    with Store.open(tmp_path / "store") as store:
        store.put_array("key", np.zeros(100))
        (path,) = (tmp_path / "store" / "arrays").iterdir()
        path.write_bytes(path.read_bytes()[:200])
        assert store.get_array("key") is None
    assert caplog.messages == ["the cached array key.npy is damaged; it will be computed again"]


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path, home):
    address = f"sqlite:///{tmp_path}/missing/runs.db"
    with Store.open(f"memory://{tmp_path.name}", address) as store:
        store.save(a_run(status=Status.DONE))
        assert store.count() == 1
