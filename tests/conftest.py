"""What every test starts from: an empty home and an empty cache in a temporary folder, one thread, no network.

Data that this person fetched before (CIFAR-10) is read through a link, so no test downloads it. A test that needs it
asks for the fixture `cifar10` and is skipped, with the command that fetches it, where it is not there; `tests/run`
fetches it first. So are the environments of converters that this person set up.
"""

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from edgekit.core import files
from edgekit.jobs.jobs import jobs
from tests.servers import Postgres, postgres, s3

os.environ.setdefault("OMP_NUM_THREADS", "1")
PERSONS_CACHE = files.cache()
PATIENCE = 120  # seconds
ROOT = Path(tempfile.mkdtemp(prefix="edgekit-tests-"))


def pytest_configure() -> None:
    """Before any test module is imported: nothing may touch the person's own runs."""
    for shared in ("EDGEKIT_STORE", "EDGEKIT_FILES", "EDGEKIT_SCHEDULER"):
        os.environ.pop(shared, None)
    os.environ["EDGEKIT_HOME"], os.environ["EDGEKIT_CACHE"] = str(ROOT / "home"), str(ROOT / "cache")
    for name in ("data/cifar10", "environments"):
        if (PERSONS_CACHE / name).exists():
            (ROOT / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / "cache" / name).symlink_to(PERSONS_CACHE / name)


def pytest_unconfigure() -> None:
    """Leave nothing behind; links are unlinked, not followed."""
    shutil.rmtree(ROOT, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_reckoned_before() -> None:
    """Every test reckons for itself, whatever other tests of this process asked."""
    if once := sys.modules.get("edgekit.techniques._once"):
        once.forget()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own, with no runs in it."""
    monkeypatch.setenv("EDGEKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def own_store(home: Path) -> Iterator[Path]:
    """A home of this test's own, and no job left behind that would go on measuring in the next one's."""
    yield home
    for job in jobs().active():
        jobs().cancel(job.id)
        jobs().wait(job.id, PATIENCE)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of this process; the test is skipped where there is none to start."""
    with postgres() as server:
        yield server


@pytest.fixture
def database(postgres_server: Postgres) -> str:
    """The address of an empty PostgreSQL store of this test's own."""
    return postgres_server.emptied(f"test_{secrets.token_hex(8)}")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server for all tests of this process."""
    with s3() as address:
        yield address


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The address of an empty bucket of this test's own."""
    name = f"test-{secrets.token_hex(8)}"
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def cifar10() -> Path:
    """The folder with CIFAR-10 in it; the test is skipped where it was never fetched."""
    folder = ROOT / "cache" / "data" / "cifar10"
    if not folder.exists():
        pytest.skip("CIFAR-10 is not on this machine: python -m edgekit data pull cifar10")
    return folder
