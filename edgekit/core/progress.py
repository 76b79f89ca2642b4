"""How long work tells what it is doing, and how it is stopped.

A `Progress` is called with the fraction done, in [0, 1], and a few words. Raising `Cancelled` inside it stops the work,
so everything that takes time calls it often: at least once a batch, a layer or a file.
"""

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

Progress = Callable[[float, str], None]
Item = TypeVar("Item")


def silent(fraction: float, what: str) -> None:
    """The Progress of those who do not look."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A Progress whose 0 to 1 is the stretch from `start` to `end` of another."""
    return lambda fraction, what: progress(start + (end - start) * fraction, what)


def each(items: Iterable[Item], progress: Progress, what: Callable[[Item], str] = str) -> Iterator[Item]:
    """Go through `items`, telling before each how far along it is, and 1 at the end."""
    items = items if isinstance(items, Sized) else list(items)
    for done, item in enumerate(items):
        progress(done / len(items), what(item))
        yield item
    progress(1.0, "done")
