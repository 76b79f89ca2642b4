"""How runs are looked for. Every query is answered from an index, or reads no more than the light table."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, or_, select

from edgekit.core.run import Scored, Status
from edgekit.store.tables import bodies, runs


def whole() -> Select:
    """Whole runs: the body, and the columns that may have changed since it was written."""
    return select(bodies.c.body, runs.c.name, runs.c.pinned, runs.c.status, runs.c.error).join_from(
        runs, bodies, runs.c.id == bodies.c.id
    )


def newest_first(query: Select) -> Select:
    """The same runs, the newest first; those of one moment in the order of their ids."""
    return query.order_by(runs.c.created.desc(), runs.c.id.desc())


def filters(
    model: str | None,
    samples: int | None,
    statuses: Collection[Status] | None,
    search: str,
    ids: Collection[str] | None,
    split: Scored | None,
) -> list[ColumnElement[bool]]:
    """What must hold of a run, as asked for; `search` are words that must all be found in it."""
    found = [] if model is None else [runs.c.model == model]
    if samples is not None:
        found.append(runs.c.samples == samples)
    if split is not None:
        found.append(runs.c.split == split)
    if statuses is not None:
        found.append(runs.c.status.in_([Status(status).value for status in statuses]))
    if ids is not None:
        found.append(runs.c.id.in_(list(ids)))
    places = (runs.c.name, runs.c.id, runs.c.model, runs.c.recipe, runs.c.error)
    return found + [or_(*(p.icontains(word, autoescape=True) for p in places)) for word in search.split()]
