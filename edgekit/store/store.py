"""Every run, and every file that was measured: what pages, the command line and other processes share.

    <folder>/edgekit.db     the runs (or PostgreSQL: EDGEKIT_STORE=postgresql+psycopg://…)
    <folder>/files/         the measured files, each named by its sha256 (or elsewhere: EDGEKIT_FILES=s3://…)
    <folder>/arrays/        cached outputs, which can be computed again
    <folder>/owners/        a lock for each process that works here
    <folder>/making/        a lock for each run that one of them makes

Any number of threads and processes may use one store at once; with PostgreSQL and files elsewhere, of several machines.
"""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from filelock import BaseFileLock
from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select, update

from edgekit.core.artifact import Artifact
from edgekit.core.errors import StoreError
from edgekit.core.files import home
from edgekit.core.progress import Progress, silent
from edgekit.core.run import Run, Scored, Status
from edgekit.store import postgres
from edgekit.store.database import connect, on_disk, place, reading, writing
from edgekit.store.files import Files
from edgekit.store.keeping import release, sweep, unused
from edgekit.store.owner import hold, is_alive, owner
from edgekit.store.queries import filters, newest_first, whole
from edgekit.store.rows import COLUMNS, Summary, as_csv, files_of, row, summary
from edgekit.store.searches import Searches
from edgekit.store.tables import about, bodies, deleted, runs, uses
from edgekit.store.turns import Turns

__all__ = ["Store", "owner"]

DATABASE, FILES = "EDGEKIT_STORE", "EDGEKIT_FILES"  # where a store lies that several machines share
WAITING = "waiting for another process that makes this very run"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is mistaken for another
LONGEST_NAME = 80
PATIENCE_SECONDS = 10.0
SUMMARIES_KEPT = 8
INTERRUPTED = "EdgeKit was stopped before this run had finished. Run its recipe again."


class Store(Searches):
    """Opened with `Store.open`; closed with `close`, at the end of a `with`, or when nobody holds it any more."""

    def __init__(self, engine: Engine, files: Files, arrays: Files, folder: Path, everywhere: bool):
        super().__init__(engine, files, arrays)
        self._folder, self._everywhere = folder, everywhere
        self._summaries: dict[tuple, tuple[str | None, list[Summary]]] = {}
        self._turns = Turns(engine, folder / "making")
        lock = None if engine.dialect.name == "postgresql" else hold(folder / "owners")
        self._finalizer = weakref.finalize(self, _let_go, engine, lock)

    @classmethod
    def open(
        cls, folder: Path | str | None = None, url: str | None = None, *, patience: float = PATIENCE_SECONDS
    ) -> Self:
        """The store in a folder; made if it is new.

        Args:
            folder: a folder or an fsspec address such as "s3://bucket/edgekit". By default EDGEKIT_FILES, or else the
                person's own (`home()`).
            url: a SQLAlchemy address of SQLite or PostgreSQL. By default, if no folder is named either, EDGEKIT_STORE;
                or else SQLite in the folder (or in `home()`, if the files are elsewhere).
            patience: seconds to wait while another process writes.

        Raises:
            StoreError: damaged, locked, full, not writable, not to be reached, or made by another version.
        """
        if folder is None:
            url = url or os.environ.get(DATABASE)
        address = str(folder or os.environ.get(FILES) or home()).rstrip("/")
        files, arrays = Files(f"{address}/files"), Files(f"{address}/arrays")
        local = Path(address) if files.is_local else home()
        engine = connect(url or f"sqlite:///{local / 'edgekit.db'}", patience)
        try:
            with on_disk(local):
                files.check()
                return cls(engine, files, arrays, local, files.is_local and engine.dialect.name == "sqlite")
        except BaseException:
            engine.dispose()
            raise

    @property
    def id(self) -> str:
        """Which store this is, wherever it is opened from: the same word in all processes and on all machines."""
        with reading(self._engine) as connection:
            return connection.scalar(select(about.c.value).where(about.c.key == "id"))

    def __reduce__(self) -> tuple:
        """In another process it is opened again."""
        return Store.open, (self._files.address.removesuffix("/files"), self._engine.url.render_as_string(False))

    @property
    def place(self) -> str:
        """Where runs and files are kept, as a person may read it: no password is in it."""
        return f"{place(self._engine)} and {self._files.address}"

    def alone(self, fingerprint: str, progress: Progress = silent) -> AbstractContextManager[None]:
        """Be the only process, on any machine of this store, that makes the run with this fingerprint.

        Args:
            progress: called while another process makes it, so that Cancel works.
        """
        return self._turns.alone(fingerprint, lambda: progress(0.0, WAITING))

    def close(self) -> None:
        """Let go of the database. Only the last holder of a store should."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def new_id(self) -> str:
        """A name for a run that no other has: ten letters and digits."""
        return "".join(secrets.choice(LETTERS) for _ in range(10))

    def save(self, run: Run) -> None:
        """Keep a run as it is now; all of it, or nothing.

        Name and pin of a run that is already here stay as `rename` and `pin` left them, and a run that was deleted
        meanwhile stays deleted: the person's last word holds, whatever the job saves later.
        """
        values, needed = row(run), files_of(run)
        with writing(self._engine) as connection:
            if connection.scalar(select(deleted.c.id).where(deleted.c.id == run.id)):
                return
            before = connection.execute(select(runs.c.name, runs.c.pinned).where(runs.c.id == run.id)).first()
            values |= before._asdict() if before else {}
            _mark_changed(connection)
            _remove_rows(connection, run.id)
            connection.execute(insert(runs).values(values))
            connection.execute(insert(bodies).values(id=run.id, body=run.model_dump_json()))
            if needed:
                connection.execute(insert(uses), [{"user": run.id, "sha256": each} for each in sorted(needed)])
                release(connection, owner(), needed)

    def get(self, id: str) -> Run:
        """The run with this id, or a StoreError."""
        with reading(self._engine) as connection:
            found = connection.execute(whole().where(runs.c.id == id)).first()
        if found is None:
            raise StoreError(_no_run(id))
        return self._run(found)

    def find(self, fingerprint: str) -> Run | None:
        """The newest finished run with this fingerprint whose files are still here."""
        return self._newest(runs.c.fingerprint == fingerprint)

    def find_made(self, made: str) -> Run | None:
        """The newest finished run whose file was made alike, on whichever samples it was scored."""
        return self._newest(runs.c.made == made)

    def list(
        self,
        limit: int = 50,
        offset: int = 0,
        *,
        model: str | None = None,
        statuses: Collection[Status] | None = None,
        search: str = "",
        ids: Collection[str] | None = None,
        split: Scored | None = "test",
    ) -> list[Run]:
        """One page of runs, the newest first.

        Args:
            search: words that a run's name, id, model, recipe or error must all hold, in any case.
            ids: only these runs.
            split: only runs that were scored on this one; all with None.
        """
        query = newest_first(whole().where(*filters(model, None, statuses, search, ids, split)))
        with reading(self._engine) as connection:
            return [self._run(found) for found in connection.execute(query.limit(limit).offset(offset))]

    def count(
        self,
        *,
        model: str | None = None,
        statuses: Collection[Status] | None = None,
        search: str = "",
        split: Scored | None = "test",
    ) -> int:
        """How many runs `list` would find on all its pages."""
        query = select(func.count()).select_from(runs).where(*filters(model, None, statuses, search, None, split))
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def summaries(
        self,
        model: str | None = None,
        samples: int | None = None,
        *,
        statuses: Collection[Status] | None = (Status.DONE,),
        limit: int | None = None,
        split: Scored | None = "test",
    ) -> list[Summary]:
        """Light rows for charts, the newest first; only finished runs unless other statuses are asked for."""
        asked = (model, samples, None if statuses is None else tuple(statuses), limit, split)
        query = newest_first(select(*COLUMNS).where(*filters(*asked[:3], "", None, split))).limit(limit)
        with reading(self._engine) as connection:
            version = connection.scalar(select(about.c.value).where(about.c.key == "version"))
            known, found = self._summaries.get(asked, ("", []))
            if known != version:
                found = [summary(one) for one in connection.execute(query)]
        self._summaries[asked] = (version, found)
        for old in list(self._summaries)[:-SUMMARIES_KEPT]:
            self._summaries.pop(old, None)
        return list(found)

    def version(self) -> str:
        """A word that is another one after every change of any run: the key for whatever a page caches."""
        with reading(self._engine) as connection:
            return connection.scalar(select(about.c.value).where(about.c.key == "version")) or ""

    def csv(self) -> str:
        """Every run as a line of a CSV file, with units in the headings."""
        return as_csv(self.summaries(statuses=None, split=None))

    def rename(self, id: str, name: str) -> None:
        """Give a run a name for people; the empty one takes its name away."""
        name = name.strip()
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise StoreError(
                f"a name must be one line of at most {LONGEST_NAME} characters; this has {len(name)}: {name[:20]!r}…"
            )
        self._change(id, name=name)

    def pin(self, id: str, pinned: bool = True) -> None:
        """Keep a run's files whatever the quota says, or no longer."""
        self._change(id, pinned=pinned)

    def delete(self, id: str) -> None:
        """Remove a run, and those of its files that no other run uses."""
        with writing(self._engine) as connection, on_disk(self._files.address):
            found = connection.execute(select(runs.c.status, runs.c.owner).where(runs.c.id == id)).first()
            if found is None:
                raise StoreError(_no_run(id))
            if found.status == Status.RUNNING.value and self._is_alive(found.owner):
                raise StoreError(f"run {id} is still at work. Cancel it first, then delete it.")
            _mark_changed(connection)
            _remove_rows(connection, id)
            connection.execute(insert(deleted).values(id=id))
            sweep(connection, self._files, self._arrays)

    def interrupt_dead(self) -> list[str]:
        """Mark the runs whose process was killed as interrupted, remove what it left, and return their ids."""
        with reading(self._engine) as connection:
            running = runs.c.status == Status.RUNNING.value
            at_work = set(connection.scalars(select(runs.c.owner).where(running).distinct()))
            at_work |= set(connection.scalars(select(uses.c.user).where(uses.c.user.contains(":")).distinct()))
            leftovers = connection.scalars(unused()).first()
        dead = [name for name in at_work if not self._is_alive(name)]
        if not dead and leftovers is None:
            return []
        with writing(self._engine) as connection, on_disk(self._files.address):
            lost = running & runs.c.owner.in_(dead)
            ids = connection.scalars(select(runs.c.id).where(lost)).all()
            connection.execute(update(runs).where(lost).values(status=Status.INTERRUPTED.value, error=INTERRUPTED))
            _mark_changed(connection)
            for name in dead:
                release(connection, name)
            sweep(connection, self._files, self._arrays)
        return list(ids)

    # Inside

    def _run(self, found: Row) -> Run:
        """A run from its body; the columns hold what may have changed since, and where its files lie now."""
        run = Run.model_validate_json(found.body)
        run.name, run.pinned = found.name, bool(found.pinned)
        run.status, run.error = Status(found.status), found.error
        run.artifact = self._here(run.artifact)
        run.steps = [step.model_copy(update={"artifact": self._here(step.artifact)}) for step in run.steps]
        return run

    def _newest(self, which: ColumnElement[bool]) -> Run | None:
        query = whole().where(which, runs.c.status == Status.DONE.value)
        with reading(self._engine) as connection:
            found = [self._run(one) for one in connection.execute(newest_first(query).limit(10))]
        return next((run for run in found if self._has_files(run)), None)

    def _here(self, artifact: Artifact | None) -> Artifact | None:
        return artifact and artifact.model_copy(update={"path": self._path(artifact.sha256)})

    def _has_files(self, run: Run) -> bool:
        artifacts = [run.artifact, *(step.artifact for step in run.steps)]
        return all(artifact and self.has_file(artifact.sha256) for artifact in artifacts)

    def _change(self, id: str, **values: object) -> None:
        with writing(self._engine) as connection:
            if connection.execute(update(runs).where(runs.c.id == id).values(values)).rowcount == 0:
                raise StoreError(_no_run(id))
            _mark_changed(connection)

    def _is_alive(self, name: str) -> bool:
        if self._engine.dialect.name != "postgresql":
            return is_alive(self._folder / "owners", name, everywhere=self._everywhere)
        with reading(self._engine) as connection:
            return postgres.is_alive(connection, name)


def _mark_changed(connection: Connection) -> None:
    connection.execute(delete(about).where(about.c.key == "version"))
    connection.execute(insert(about).values(key="version", value=secrets.token_hex(8)))


def _remove_rows(connection: Connection, id: str) -> None:
    connection.execute(delete(runs).where(runs.c.id == id))
    connection.execute(delete(bodies).where(bodies.c.id == id))
    release(connection, id)


def _no_run(id: str) -> str:
    return (
        f"no run '{id}' in the store: it was deleted, or it is in another one. The Runs page lists those that are here."
    )


def _let_go(engine: Engine, lock: BaseFileLock | None) -> None:
    engine.dispose()
    if lock:
        lock.release()
