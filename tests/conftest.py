"""What every test starts from: an empty home and an empty cache in a temporary folder, one thread, no network.

Data that this person fetched before (CIFAR-10) is read through a link, so no test downloads it. A test that needs it
asks for the fixture `cifar10` and is skipped, with the command that fetches it, where it is not there; `tests/run`
fetches it first.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.core import files
from edgekit.jobs.jobs import jobs

os.environ.setdefault("OMP_NUM_THREADS", "1")
PERSONS_CACHE = files.cache()
PATIENCE = 120  # seconds
ROOT = Path(tempfile.mkdtemp(prefix="edgekit-tests-"))


def pytest_configure() -> None:
    """Before any test module is imported: nothing may touch the person's own runs."""
    os.environ["EDGEKIT_HOME"], os.environ["EDGEKIT_CACHE"] = str(ROOT / "home"), str(ROOT / "cache")
    fetched = PERSONS_CACHE / "data" / "cifar10"
    if fetched.exists():
        (ROOT / "cache" / "data").mkdir(parents=True)
        (ROOT / "cache" / "data" / "cifar10").symlink_to(fetched)


def pytest_unconfigure() -> None:
    """Leave nothing behind; links are unlinked, not followed."""
    shutil.rmtree(ROOT, ignore_errors=True)


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
def cifar10() -> Path:
    """The folder with CIFAR-10 in it; the test is skipped where it was never fetched."""
    folder = ROOT / "cache" / "data" / "cifar10"
    if not folder.exists():
        pytest.skip("CIFAR-10 is not on this machine: python -m edgekit data pull cifar10")
    return folder
