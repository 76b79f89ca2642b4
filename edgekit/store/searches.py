"""The rows of searches: what was asked for and what was tried, so that a search goes on where it was stopped.

The store keeps the body as it is given; `edgekit.search` knows what it means.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from edgekit.core.errors import StoreError
from edgekit.store.database import reading, writing
from edgekit.store.shelf import Shelf
from edgekit.store.tables import searches

AT_WORK = "running"
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class SearchRow:
    """One search.

    Attributes:
        created: seconds since 1970.
        owner: the process that works on it.
        asked: what somebody asked the process that works on it to do: "pause", "stop", or nothing.
        body: JSON.
    """

    id: str
    created: float
    model: str
    status: str
    owner: str
    asked: str
    body: str


class Searches(Shelf):
    """The searches of a store."""

    def save_search(self, row: SearchRow) -> None:
        """Keep a search as it is now. What was asked of it stays asked."""
        values = vars(row)
        with writing(self._engine) as connection:
            kept = connection.scalar(select(searches.c.asked).where(searches.c.id == row.id))
            connection.execute(delete(searches).where(searches.c.id == row.id))
            connection.execute(insert(searches).values(values | ({} if kept is None else {"asked": kept})))

    def get_search(self, id: str) -> SearchRow:
        """The search with this id, or a StoreError."""
        with reading(self._engine) as connection:
            found = connection.execute(select(searches).where(searches.c.id == id)).first()
        if found is None:
            raise StoreError(f"no search '{id}' in the store: it was deleted, or it is in another one.")
        return SearchRow(**found._asdict())

    def list_searches(self, model: str | None = None, limit: int = 20) -> list[SearchRow]:
        """The latest searches, the newest first."""
        query = select(searches) if model is None else select(searches).where(searches.c.model == model)
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(searches.c.created.desc(), searches.c.id.desc()).limit(limit))
            return [SearchRow(**one._asdict()) for one in found]

    def ask_search(self, id: str, asked: str) -> None:
        """Ask the process that works on a search to "pause" or to "stop"; nothing takes it back."""
        with writing(self._engine) as connection:
            connection.execute(update(searches).where(searches.c.id == id).values(asked=asked))

    def interrupt_dead_searches(self) -> list[str]:
        """Mark the searches whose process was killed as interrupted, and return their ids."""
        with reading(self._engine) as connection:
            running = connection.execute(
                select(searches.c.id, searches.c.owner).where(searches.c.status == AT_WORK)
            ).all()
        dead = [id for id, owner in running if not self._is_alive(owner)]
        if dead:
            with writing(self._engine) as connection:
                connection.execute(update(searches).where(searches.c.id.in_(dead)).values(status=INTERRUPTED))
        return dead
