"""PostgreSQL as the database of a store that several machines share.

Every process holds a shared advisory lock on its own name with each of its connections: so all machines can tell who
still lives, and the server lets go when a process ends, however it ends. Writers queue for one advisory lock, which
makes them as alone as SQLite makes them. An advisory lock belongs to a session, so connect to the server itself, or
through a pooler that keeps sessions.
"""

import contextlib
from collections.abc import Callable

from sqlalchemy import URL, Connection, Engine, create_engine, event

from edgekit.core.errors import StoreError
from edgekit.store.owner import owner

DRIVERS = ("postgresql", "postgresql+psycopg")
CONNECT_SECONDS = 5
DEAD_AFTER = {"tcp_keepalives_idle": 20, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 4}  # seconds, and probes
MOST_CONNECTIONS = 16  # of one process
WRITER = "edgekit writes"
LOCK = "hashtextextended(%s, 0)"  # the 64 bits that stand for a name


def engine(url: URL, patience: float) -> Engine:
    """An engine on a PostgreSQL database. A connection that broke, as by a restart, is replaced when it is next used.

    Raises:
        StoreError: the driver is not installed, or the address names another one.
    """
    if url.drivername not in DRIVERS:
        raise StoreError(
            f"the address of a PostgreSQL database must begin with postgresql+psycopg://; "
            f"this one begins with {url.drivername}://. Set EDGEKIT_STORE to such an address."
        )
    try:
        made = create_engine(
            url.set(drivername=DRIVERS[-1]),
            connect_args={"connect_timeout": CONNECT_SECONDS},
            pool_pre_ping=True,
            pool_size=MOST_CONNECTIONS,
            max_overflow=0,
            pool_timeout=patience,
        )
    except ImportError:
        raise StoreError(
            'a store in PostgreSQL must have its driver, which is not installed: pip install "psycopg[binary]"'
        ) from None

    @event.listens_for(made, "connect")
    def set_up(connection: object, record: object) -> None:
        with connection.cursor() as cursor:
            for name, value in DEAD_AFTER.items():  # the server notices a machine that vanished
                cursor.execute(f"SET {name} = {value}")
            cursor.execute(f"SET lock_timeout = {round(patience * 1000)}")  # ms
            cursor.execute(f"SELECT pg_advisory_lock_shared({LOCK})", (owner(),))
        connection.commit()

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})", (WRITER,))
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return made


def is_alive(connection: Connection, name: str) -> bool:
    """Whether the process that is called so by its `owner()` is connected to this database, from whichever machine."""
    if name == owner():
        return True
    free = f"SELECT pg_try_advisory_xact_lock({LOCK})"  # let go at the end of the transaction
    return not connection.exec_driver_sql(free, (name,)).scalar()


def lock(engine: Engine, name: str) -> Callable[[], None] | None:
    """Become the only session, on any machine, that has locked this name.

    Returns:
        What lets go of it; None if another session has it.
    """
    pooled = engine.raw_connection()
    session = pooled.driver_connection

    def end() -> None:
        with contextlib.suppress(Exception):  # a connection that broke has let go of its locks
            session.execute(f"SELECT pg_advisory_unlock({LOCK})", (name,))
            session.autocommit = False
        if session.closed:
            pooled.invalidate()
        pooled.close()

    try:
        session.autocommit = True  # an open transaction would keep the server from tidying up
        (taken,) = session.execute(f"SELECT pg_try_advisory_lock({LOCK})", (name,)).fetchone()
    except BaseException:
        end()
        raise
    if not taken:
        session.autocommit = False
        pooled.close()
    return end if taken else None


def is_locked(error: BaseException) -> bool:
    """Whether a writer waited for its turn in vain."""
    return getattr(error, "sqlstate", None) == "55P03"  # lock_not_available
