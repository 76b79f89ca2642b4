"""Files that appear whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from edgekit.core import files


def test_a_file_appears_whole(tmp_path: Path):
    with files.written_whole(tmp_path / "new" / "a.bin") as file:
        file.write(b"abc")
        assert not (tmp_path / "new" / "a.bin").exists()
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"abc"


def test_a_crash_leaves_the_old_file_and_no_scraps(tmp_path: Path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def crash_half_way() -> None:
        with files.written_whole(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_in_place_of_the_old_one_or_the_old_one_stays(tmp_path: Path):
    target = tmp_path / "kept"

    def write(content: str) -> None:
        with files.written_folder(target) as beside:
            beside.mkdir()
            (beside / content).write_text(content)
            if content == "half":
                raise ValueError("half way")

    for content in ("old", "new"):
        write(content)
    with pytest.raises(ValueError, match="half way"):
        write("half")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "new"]


@pytest.mark.parametrize(
    ("text", "name"), [("My pictures (2)", "my-pictures-2"), ("été", "t"), ("…", ""), ("a" * 50, "a" * 40)]
)
def test_a_text_becomes_part_of_an_id(text: str, name: str):
    assert files.plain_name(text) == name


def test_sha256_is_the_same_of_bytes_and_of_a_file(tmp_path: Path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    assert files.sha256(path) == files.sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_home_and_cache_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGEKIT_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "c"))
    assert (files.home(), files.cache()) == (tmp_path / "h", tmp_path / "c")
