"""Real servers on loopback for the tests of what has outgrown one machine: PostgreSQL, and S3 as moto serves it.

    python -m tests.servers        says where PostgreSQL is, or fails with how to install it

PostgreSQL refuses to run as root; where the tests do, its own user runs it, in a folder of that user's.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 120  # seconds
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")  # what it holds need not survive a power cut
S3_KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


class Postgres:
    """A PostgreSQL server of one's own, which can be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.process = folder, free_port(), None
        self.user = _unprivileged()
        if self.user:
            shutil.chown(folder, self.user)
        self._run("initdb", "-D", folder / "data", "-U", "edgekit", "--auth=trust", "--no-sync", "--encoding=UTF8")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        import psycopg

        settings = [word for setting in QUICK for word in ("-c", setting)]
        where = ["-D", str(self.folder / "data"), "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            command = [str(binaries() / "postgres"), *where, *settings]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self.user, cwd=self.folder)
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, f"PostgreSQL did not answer within {PATIENCE} s"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once; whoever is connected is cut off."""
        if self.process:
            self.process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
            self.process.wait(PATIENCE)
            self.process = None

    def execute(self, statement: str) -> None:
        """Run a statement as the owner of everything."""
        import psycopg

        with psycopg.connect(self.address.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    def emptied(self, name: str) -> str:
        """An address as EDGEKIT_STORE takes it, under which there is nothing yet: a schema of its own."""
        self.execute(f"CREATE SCHEMA {name}")  # a database would do the same in a hundred times the time and space
        return f"{self.address}?options=-csearch_path%3D{name}"

    @property
    def address(self) -> str:
        """Of the one database."""
        return f"postgresql+psycopg://edgekit@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(binaries() / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, user=self.user, cwd=self.folder)
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server in a temporary folder, which goes with it; the test is skipped where there is no PostgreSQL."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not on this machine: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="edgekit-postgres-"))
    try:
        server = Postgres(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """The address of an empty S3 server; the environment leads to it as long as it runs."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryFile() as log, pytest.MonkeyPatch.context() as patch:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            for name, value in (S3_KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).items():
                patch.setenv(name, value)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        assert process.poll() is None, "the S3 server ended: pip install -r tests/requirements.txt"
        assert time.monotonic() < end, f"the S3 server did not answer within {PATIENCE} s"
        time.sleep(0.05)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _unprivileged() -> str | None:
    """Who runs PostgreSQL where the tests run as root; None to run it as whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    import pwd  # where there is a root

    known = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


if __name__ == "__main__":
    found = binaries()
    print(found or "PostgreSQL is not on this machine: apt-get install postgresql")
    sys.exit(found is None)
