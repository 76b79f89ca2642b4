"""Environments of their own: built once, never used half-built, gone on with where they were left, and cancelled."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgekit.core.errors import Cancelled, ExportError
from edgekit.export.environment import READY, Environment


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and an index that nothing can be fetched from."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path


def wheel(folder: Path) -> str:
    """A package with one module, `tiny_tool`."""
    path = folder / "tiny_tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_tool.py", "ANSWER = 42\n")
        archive.writestr("tiny_tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-tool\nVersion: 1.0\n")
        archive.writestr("tiny_tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_tool-1.0.dist-info/RECORD", "")
    return str(path)


def test_a_half_built_one_is_not_used_and_building_again_finishes_it(place):
    tools = Environment("tiny", (wheel(place),), ("tiny_tool", "torch"), borrows=True)
    half = Environment("tiny", tools.requirements, ("no_such_module",), borrows=True)
    with pytest.raises(ExportError, match=r"^setting up tiny failed: ModuleNotFoundError: .*no_such_module"):
        half.build()
    assert Path(tools.python).exists()
    assert not tools.ready()
    told = []
    tools.build(lambda fraction, what: told.append(fraction))
    assert tools.ready()
    assert told[-1] == 1.0
    done = subprocess.run([tools.python, "-I", "-c", "import tiny_tool; print(tiny_tool.ANSWER)"], capture_output=True)
    assert done.stdout.split() == [b"42"]


def test_one_whose_making_was_cut_short_before_it_had_pip_is_mended(place):
    tools = Environment("tiny", (wheel(place),), ("tiny_tool",))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tools.folder)], check=True)
    tools.build()
    assert tools.ready()


def test_what_pip_says_is_passed_on(place):
    with pytest.raises(ExportError) as refused:
        Environment("none", ("there-is-no-such-package-7",), ("x",)).build()
    assert str(refused.value) == (
        "setting up none failed: No matching distribution found for there-is-no-such-package-7. Check the connection "
        "and the space on the disk, and try again: what was fetched is kept."
    )


def test_cancel_stops_building_and_leaves_it_unready(place):
    def cancel(fraction: float, what: str) -> None:
        raise Cancelled("stopped")

    tools = Environment("tiny", (wheel(place),), ("tiny_tool",))
    with pytest.raises(Cancelled):
        tools.build(cancel)
    assert not (tools.folder / READY).exists()
