"""Fetching a data set from a real web server: resume, checksums, Cancel, and what is said when nothing works."""

import hashlib
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

from edgekit.core.errors import Cancelled, DataError
from edgekit.data import arrays, catalog
from edgekit.data.catalog import File, Source
from edgekit.data.decode import FORMS
from edgekit.data.download import pull, status
from edgekit.data.fetch import fetch
from edgekit.data.splits import fetched_folder, load
from tests.data.conftest import NAMES, tiny_arrays, write

FIRST = f"{NAMES[0]}.gz"


def test_what_was_pulled_is_what_was_published(tiny):
    pull("tiny")
    found, wanted = load("tiny"), tiny_arrays()
    assert (found.evaluation.raw == wanted["evaluation_raw"]).all()
    assert (found.training.raw == wanted["training_raw"][5:]).all()
    assert (found.validation.labels == wanted["training_labels"][:5]).all()


def test_status_tells_absent_from_complete(tiny, tmp_path):
    before = status("tiny")
    assert (before.present, before.complete, before.bytes) == (False, False, 0)
    assert before.note == "not on this machine. Fetch it: python -m edgekit data pull tiny"
    pull("tiny")
    after = status("tiny")
    assert (after.present, after.complete, after.where) == (True, True, tmp_path / "cache" / "data" / "tiny")
    assert after.note == "complete: 20 training and 10 test images"
    assert after.bytes == 20 * 17 + 10 * 17 + 4 * 128


def test_progress_climbs_from_nothing_to_one(tiny):
    told = []
    pull("tiny", lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_second_pull_asks_the_server_for_nothing(tiny, shelf):
    pull("tiny")
    shelf.asked.clear()
    pull("tiny")
    assert shelf.asked == []


def test_downloads_are_removed_once_the_arrays_are_kept(tiny, tmp_path):
    pull("tiny")
    assert sorted(path.name for path in (tmp_path / "cache" / "data").iterdir()) == [".tiny.lock", "tiny"]


def test_a_partial_download_is_continued_where_it_ended(tiny, shelf):
    _left_behind(FIRST, shelf.files[FIRST][:100])
    pull("tiny")
    assert shelf.asked[0] == (FIRST, "bytes=100-")
    assert len(shelf.asked) == 4


def test_a_download_that_was_all_there_but_for_its_name_is_used(tiny, shelf):
    _left_behind(FIRST, shelf.files[FIRST])
    pull("tiny")
    assert load("tiny").training.raw.shape == (15, 4, 4, 1)


def test_a_server_that_cannot_resume_sends_all_of_it_again(tiny, shelf):
    shelf.can_resume = False
    _left_behind(FIRST, b"x" * 50)
    pull("tiny")
    assert status("tiny").complete


def test_a_partial_download_of_other_bytes_is_thrown_away_and_fetched_anew(tiny, shelf):
    _left_behind(FIRST, b"x" * 50)
    pull("tiny")
    assert [wanted for name, wanted in shelf.asked if name == FIRST] == ["bytes=50-", None]
    assert status("tiny").complete


def test_cancel_stops_a_download_that_stalls_and_the_next_pull_goes_on_from_there(tiny, shelf):
    shelf.stalls_in = "t10k-images-idx3-ubyte.gz"
    half = len(shelf.files[shelf.stalls_in]) // 2

    def stop(fraction, what):
        if what.startswith("t10k-images"):
            raise Cancelled

    started = time.monotonic()
    with pytest.raises(Cancelled):
        pull("tiny", stop)
    assert time.monotonic() - started < 5
    assert not status("tiny").present
    shelf.stalls_in = ""
    shelf.go_on.set()
    shelf.asked.clear()
    pull("tiny")
    assert shelf.asked == [("t10k-images-idx3-ubyte.gz", f"bytes={half}-"), ("t10k-labels-idx1-ubyte.gz", None)]
    assert status("tiny").complete


def test_a_wrong_checksum_is_refused_with_both_sums(tiny, shelf):
    tiny_sum = tiny["sources"][0]["files"][0]["md5"]
    shelf.files[FIRST] = b"other bytes"
    other = hashlib.md5(b"other bytes").hexdigest()
    with pytest.raises(DataError) as refused:
        pull("tiny")
    assert str(refused.value) == (
        "Tiny could not be fetched; no source brought it:\n"
        f"- {shelf.url}: {FIRST} must have md5 {tiny_sum}, not {other}\n"
        "Try again: python -m edgekit data pull tiny"
    )
    assert not status("tiny").present


def test_right_files_with_wrong_arrays_in_them_are_refused(tiny, shelf, tmp_path, monkeypatch):
    right = tiny["sha256"]["evaluation_labels"]
    tiny["sha256"]["evaluation_labels"] = "0" * 64
    write(tiny, tmp_path, monkeypatch)
    with pytest.raises(DataError, match=f"its evaluation labels must have sha256 {'0' * 64}, not {right}"):
        pull("tiny")


def test_every_source_that_failed_is_listed_with_its_reason(tiny, shelf, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    shelf.files.clear()
    nobody = {"kind": "url", "form": "idx", "at": "http://127.0.0.1:9", "files": [{"name": "x.gz", "md5": "0"}]}
    tools = [{"kind": kind, "form": "idx", "at": "a-package"} for kind in ("npm", "apt")]
    tiny["sources"] = [*tiny["sources"], nobody, *tools]
    write(tiny, tmp_path, monkeypatch)
    with pytest.raises(DataError) as refused:
        pull("tiny")
    assert str(refused.value) == (
        "Tiny could not be fetched; no source brought it:\n"
        f"- {shelf.url}: the server answered 404 Not Found\n"
        "- http://127.0.0.1:9: no connection (ConnectError: [Errno 111] Connection refused)\n"
        "- the npm package a-package: npm is not installed\n"
        "- the apt package a-package: apt-get is not installed\n"
        "Try again: python -m edgekit data pull tiny"
    )


def test_the_next_source_is_tried_when_one_fails(tiny, tmp_path, monkeypatch):
    dead = tiny["sources"][0] | {"at": tiny["sources"][0]["at"] + "/nowhere"}
    tiny["sources"] = [dead, *tiny["sources"]]
    write(tiny, tmp_path, monkeypatch)
    pull("tiny")
    assert status("tiny").complete


def test_a_tool_that_fails_is_quoted(tiny, tmp_path, monkeypatch):
    (tmp_path / "npm").write_text("#!/bin/sh\necho no such package >&2\nexit 3\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tiny["sources"] = [{"kind": "npm", "form": "idx", "at": "a-package"}]
    write(tiny, tmp_path, monkeypatch)
    said = r"- the npm package a-package: npm pack --ignore-scripts --silent a-package failed \(3\): no such package\n"
    with pytest.raises(DataError, match=said):
        pull("tiny")


def test_cancel_ends_a_tool_that_stalls(tiny, tmp_path, monkeypatch):
    (tmp_path / "npm").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tiny["sources"] = [{"kind": "npm", "form": "idx", "at": "a-package"}]
    write(tiny, tmp_path, monkeypatch)

    def stop(fraction, what):
        if re.search(r"[1-9]\d* s$", what):
            raise Cancelled

    with pytest.raises(Cancelled):
        pull("tiny", stop)


def test_a_damaged_file_is_refused_with_the_command_that_mends_it(tiny):
    pull("tiny")
    path = fetched_folder("tiny") / "evaluation_raw.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    changed = np.load(path)
    with pytest.raises(DataError) as refused:
        load("tiny")
    assert str(refused.value) == (
        f"the files of Tiny are damaged: {path} must have sha256 {tiny['sha256']['evaluation_raw']}, "
        f"not {arrays.digest(changed)}. Fetch it again: python -m edgekit data pull tiny"
    )
    assert status("tiny").note.startswith("damaged: ")
    pull("tiny")
    assert (load("tiny").evaluation.raw == tiny_arrays()["evaluation_raw"]).all()


@pytest.mark.parametrize("harm", ["missing", "cut short", "no stamp to read", "of another catalog"])
def test_every_kind_of_damage_is_seen_and_mended_by_a_pull(tiny, harm):
    pull("tiny")
    folder = fetched_folder("tiny")
    path, stamp = folder / "training_labels.npy", folder / "stamp.json"
    if harm == "missing":
        path.unlink()
    elif harm == "cut short":
        path.write_bytes(path.read_bytes()[:60])
    elif harm == "no stamp to read":
        stamp.write_text("{")
    else:
        stamp.write_text(stamp.read_text().replace(tiny["sha256"]["training_labels"], "0" * 64))
    with pytest.raises(DataError, match=r"the files of Tiny are damaged: .*\. Fetch it again: python -m edgekit data"):
        load("tiny")
    pull("tiny")
    assert len(load("tiny").training) == 15


def test_a_file_that_was_only_touched_is_read_through_once_and_trusted_again(tiny):
    pull("tiny")
    path = fetched_folder("tiny") / "training_raw.npy"
    path.touch()
    load("tiny")
    assert str(path.stat().st_mtime_ns) in (path.parent / "stamp.json").read_text()


def test_a_pull_reads_everything_through_even_where_size_and_time_agree(tiny):
    pull("tiny")
    path = fetched_folder("tiny") / "training_raw.npy"
    times, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert load("tiny").training.raw[-1, -1, -1, -1] != tiny_arrays()["training_raw"][-1, -1, -1, -1]
    pull("tiny")
    assert (load("tiny").training.raw == tiny_arrays()["training_raw"][5:]).all()


def test_a_cache_that_cannot_be_written_is_named_with_what_to_do(tiny, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "a file"))
    with pytest.raises(DataError) as refused:
        pull("tiny")
    assert str(refused.value) == (
        f"the cache folder must have room and be writable; {tmp_path / 'a file' / 'data' / 'tiny'} is not: "
        "Not a directory. Make room, or set EDGEKIT_CACHE to another folder."
    )


def test_a_full_disk_is_said_and_leaves_no_half_written_data_set(tmp_path):
    code = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from edgekit.core.errors import DataError\n"
        "from edgekit.data import arrays\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try: arrays.keep(Path(sys.argv[1]), {'small': np.zeros(10), 'large': np.zeros(10_000)})\n"
        "except DataError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "set"], capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"the cache folder must have room and be writable; {tmp_path / 'set'} is not: File too large. "
        "Make room, or set EDGEKIT_CACHE to another folder.\n"
    )
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["small.npy"]
    assert not arrays.present(tmp_path / "set")


def test_an_unknown_data_set_is_refused_with_the_nearest_name():
    with pytest.raises(DataError) as refused:
        pull("cifar100")
    assert str(refused.value) == "no data set 'cifar100'. Did you mean 'cifar10'?"


def _left_behind(name: str, content: bytes) -> None:
    """What an earlier, interrupted pull left."""
    folder = fetched_folder("tiny").parent / ".tiny-downloads"
    folder.mkdir(parents=True)
    (folder / f"{name}.part").write_bytes(content)


def test_what_is_made_of_another_data_set_has_that_pulled_first(tiny, shelf, tmp_path, monkeypatch):
    monkeypatch.setitem(FORMS, "turned", lambda files, progress: [np.load(file)[::-1] for file in files])
    turned = {name: arrays.digest(array[::-1]) for name, array in tiny_arrays().items()}
    made = tiny | {"title": "Made", "sha256": turned, "sources": [{"kind": "made", "form": "turned", "at": "tiny"}]}
    path = tmp_path / "both.yaml"
    path.write_text(yaml.safe_dump({"made": made, "tiny": tiny}))
    monkeypatch.setattr(catalog, "CATALOG", path)
    pull("made")
    assert len(shelf.asked) == 4
    assert status("tiny").complete
    assert status("made").complete
    assert np.array_equal(load("made").evaluation.raw, load("tiny").evaluation.raw[::-1])
    shelf.files.clear()
    (status("tiny").where / "stamp.json").unlink()
    (status("made").where / "stamp.json").unlink()
    with pytest.raises(DataError, match=r"- made of the data set tiny: Tiny could not be fetched"):
        pull("made")


def test_several_packages_bring_a_file_each_and_what_is_here_is_not_fetched_again(tmp_path, monkeypatch):
    (tmp_path / "npm").write_text(
        '#!/bin/sh\nfor last; do :; done\necho "$last" > "$last.tgz"\necho "$last" >> ../../log\n'
    )
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    files = tuple(File(name=f"{name}.tgz", sha256=hashlib.sha256(f"{name}\n".encode()).hexdigest()) for name in "ab")
    source = Source(kind="npm", form="idx", at="a b", files=files)
    for _ in range(2):
        found = fetch(source, tmp_path / "here", lambda *told: None)
        assert [path.read_text() for path in found] == ["a\n", "b\n"]
    assert (tmp_path / "log").read_text() == "a\nb\n"
    assert str(source) == "the npm packages a, b"
