"""How many bytes of activations a network needs at a time, if each is freed as soon as nobody reads it any more.

Step by step in the order of the file: what a step reads, what it makes, and what later steps still read, is in memory.
(Liveness analysis, as compilers do it for registers: Appel 1998, "Modern Compiler Implementation", chapter 10.) A
runtime that reorders steps, works in place or cuts tensors in tiles can need less; one that pads can need more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A node: its name, the tensors that it reads, and those that it makes."""

    name: str
    reads: Collection[str]
    makes: Collection[str]


@dataclass(frozen=True)
class Peak:
    """The most bytes at a time, and the step that needs them."""

    bytes: int
    step: str


def peak(steps: Sequence[Step], sizes: Mapping[str, int], given: Collection[str], results: Collection[str]) -> Peak:
    """The most bytes of tensors that are in memory at a time.

    Args:
        sizes: tensor -> bytes.
        given: tensors that are there before the first step.
        results: those that must be there after the last one.
    """
    last = {name: number for number, step in enumerate(steps) for name in step.reads}
    last |= dict.fromkeys(results, len(steps))
    alive, most = set(given), Peak(sum(sizes.get(name, 0) for name in given), "the input")
    for number, step in enumerate(steps):
        alive |= set(step.makes)
        needed = sum(sizes.get(name, 0) for name in alive)
        if needed > most.bytes:
            most = Peak(needed, step.name)
        alive = {name for name in alive if last.get(name, -1) > number}
    return most
