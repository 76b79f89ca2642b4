"""Which files stay: a file is kept while a run or a process at work uses it, and old ones go when space runs out.

Whoever brings a file says first that it uses it, and only then copies; whoever removes files does so in the one writing
transaction there can be. So no file is lost between the two, and what a killed process left is found and removed.
"""

import time
from collections.abc import Iterable

from sqlalchemy import Connection, Select, delete, insert, select

from edgekit.core.run import Status
from edgekit.store.files import Files
from edgekit.store.tables import files as known
from edgekit.store.tables import runs, uses


def claim(connection: Connection, user: str, sha256: str, size: int) -> None:
    """Note that `user` needs a file, before it is copied in."""
    if connection.scalar(select(known.c.sha256).where(known.c.sha256 == sha256)) is None:
        connection.execute(insert(known).values(sha256=sha256, bytes=size, added=time.time()))
    release(connection, user, [sha256])
    connection.execute(insert(uses).values(user=user, sha256=sha256))


def release(connection: Connection, user: str, sha256s: Iterable[str] | None = None) -> None:
    """Note that `user` needs these files no longer; all of its files if none are named."""
    mine = delete(uses).where(uses.c.user == user)
    connection.execute(mine if sha256s is None else mine.where(uses.c.sha256.in_(list(sha256s))))


def unused() -> Select:
    """The query for files that nobody uses."""
    return select(known.c.sha256).where(known.c.sha256.not_in(select(uses.c.sha256)))


def sweep(connection: Connection, files: Files, arrays: Files) -> None:
    """Remove the files that nobody uses, inside a writing transaction."""
    remove(connection, files, arrays, connection.scalars(unused()).all())


def remove(connection: Connection, files: Files, arrays: Files, sha256s: Iterable[str]) -> None:
    """Remove files, and the outputs that were computed from them."""
    for sha256 in sha256s:
        files.remove(f"{sha256}.onnx")
        for name in arrays.sizes(prefix=sha256):
            arrays.remove(name)
        connection.execute(delete(known).where(known.c.sha256 == sha256))


def surplus(connection: Connection, arrays: Files, quota_bytes: int) -> list[str]:
    """The files to remove so that the rest fits the quota: those of the oldest runs first.

    Files of pinned runs, of running ones, and of processes at work are never among them.
    """
    size = dict(connection.execute(select(known.c.sha256, known.c.bytes)).all())
    for name, count in arrays.sizes().items():
        size[name[:64]] = size.get(name[:64], 0) + count
    newest: dict[str, float] = {}  # file -> when the newest run that uses it was made
    kept: set[str] = set()
    columns = [uses.c.sha256, runs.c.created, runs.c.pinned, runs.c.status]
    users = select(*columns).select_from(uses.outerjoin(runs, runs.c.id == uses.c.user))
    for sha256, created, pinned, status in connection.execute(users):
        if created is None or pinned or status == Status.RUNNING.value:  # no run: a process at work
            kept.add(sha256)
        else:
            newest[sha256] = max(created, newest.get(sha256, created))
    total, going = sum(size.values()), []
    for sha256 in sorted(newest.keys() - kept, key=newest.__getitem__):
        if total <= quota_bytes:
            break
        if sha256 in size:
            total -= size[sha256]
            going.append(sha256)
    return going
