"""Opens the database of a store, and says in plain words what is wrong when it cannot be used.

SQLite runs in write-ahead mode: any number of readers beside one writer, in this process and others. A writer waits
for its turn for a few seconds before it gives up. PostgreSQL does the same for processes on several machines.
"""

import errno
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from edgekit.core.errors import StoreError
from edgekit.store import postgres
from edgekit.store.tables import SCHEMA, about, metadata
from edgekit.store.upgrade import STEPS, upgrade

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def connect(url: str, patience: float) -> Engine:
    """An engine on the database, whose tables are made if it is new.

    Args:
        patience: seconds to wait for another process to finish writing.

    Raises:
        StoreError: damaged, locked, full, not writable, or made by a newer EdgeKit.
    """
    engine = _engine(url, patience)
    try:
        with in_plain_words(engine), _alone(engine, patience):
            _prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment of the store and keeps no writer waiting."""
    with in_plain_words(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is the only writer until it ends: all of it is kept, or nothing."""
    with in_plain_words(engine), engine.connect() as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            yield connection


@contextmanager
def in_plain_words(engine: Engine) -> Iterator[None]:
    """Turn what the database or the disk says into a StoreError with what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(_sentence(getattr(error, "orig", None) or error, engine)) from error
    except sqlite3.Error as error:
        raise StoreError(_sentence(error, engine)) from error
    except OSError as error:
        raise StoreError(disk_sentence(error, place(engine))) from error


@contextmanager
def on_disk(where: Path | str) -> Iterator[None]:
    """Turn what the disk says while `where` is read or written into a StoreError with what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(disk_sentence(error, str(where))) from error


def disk_sentence(error: OSError, where: str) -> str:
    """What to do about a disk that could not be written or read."""
    if error.errno in FULL:
        return (
            f"nothing more can be kept in {where}: the disk is full. What was kept before is intact. Free some space, "
            "or delete runs that are no longer needed, and try again."
        )
    why = error.strerror or error
    return f"{where} must be a place that EdgeKit may read and write: {why}. Set EDGEKIT_HOME to another."


def place(engine: Engine) -> str:
    """The database as a person may read it: the file, or the address without its password."""
    return engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True)


def _engine(address: str, patience: float) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreError(_no_database(f"this is no address: {address}")) from None
    engines = {"sqlite": _sqlite, "postgresql": postgres.engine}
    if url.get_backend_name() not in engines:
        raise StoreError(_no_database(f"this one is of {url.get_backend_name()}"))
    return engines[url.get_backend_name()](url, patience)


def _no_database(what: str) -> str:
    return (
        "the database of a store must be SQLite (sqlite:///FILE) or PostgreSQL "
        f"(postgresql+psycopg://USER:PASSWORD@HOST/NAME); {what}. Set EDGEKIT_STORE to such an address, or to nothing."
    )


def _sqlite(url: URL, patience: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": patience}, pool_size=4, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a reader that turns writer can be refused at once, without patience: so writers say so at the start
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _alone(engine: Engine, patience: float) -> Iterator[None]:
    """One process at a time: SQLite has no patience while a new file is put into write-ahead mode."""
    if engine.dialect.name != "sqlite":
        yield
        return
    path = Path(engine.url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=patience):
            with engine.connect() as connection:
                connection.connection.execute("PRAGMA journal_mode = WAL")
            yield
    except Timeout:
        raise StoreError(_locked(str(path))) from None


def _locked(where: str) -> str:
    return f"{where} is locked by another process. Wait until it has finished, or stop it, and try again."


def _prepare(engine: Engine) -> None:
    with reading(engine) as connection:
        new = not inspect(connection).has_table("about")
    if new:
        with writing(engine) as connection:
            metadata.create_all(connection)
            if _fact(connection, "schema") is None:
                connection.execute(insert(about).values(key="schema", value=str(SCHEMA)))
    with reading(engine) as connection:
        schema, named = _fact(connection, "schema"), _fact(connection, "id")
    if not named:
        with writing(engine) as connection:
            if _fact(connection, "id") is None:
                connection.execute(insert(about).values(key="id", value=secrets.token_hex(8)))
    if schema in {str(form) for form in STEPS}:
        with writing(engine) as connection:
            upgrade(connection, int(schema))
        return
    if schema != str(SCHEMA):
        raise StoreError(
            f"{place(engine)} must be a store of form {SCHEMA}; it has form {schema}, of another version of EdgeKit. "
            "Use that version, or set EDGEKIT_HOME to an empty folder."
        )


def _fact(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(about.c.value).where(about.c.key == key))


def _sentence(error: BaseException, engine: Engine) -> str:
    where, code = place(engine), getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or postgres.is_locked(error):
        return _locked(where)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return (
            f"{where} is damaged ({error}). Move this file away, with those beside it that end in -wal and -shm: "
            "EdgeKit then starts a new one. The model files are in the folder 'files' and stay as they are; "
            "'sqlite3 FILE .recover' can often read back the list of runs."
        )
    if code == sqlite3.SQLITE_FULL:
        return disk_sentence(OSError(errno.ENOSPC, ""), where)
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return disk_sentence(OSError(errno.EIO, str(error)), where)
    said = str(error).strip().splitlines()[0].rstrip(".")
    return (
        f"the database {where} must answer, and does not: {said}. "
        "Check that it runs, and that the address in EDGEKIT_STORE is right; then try again."
    )
