"""Finds the techniques: every file in `edgekit/techniques/` whose name has no underscore in front holds one.

A file that does not import, or that holds no technique or two, raises with its name: nothing is left out quietly.
"""

import functools

import edgekit.techniques
from edgekit.core.errors import RecipeError, unknown
from edgekit.core.found import found
from edgekit.core.knobs import knobs
from edgekit.core.technique import Technique


@functools.cache
def techniques() -> dict[str, type[Technique]]:
    """All techniques by id, in alphabetical order."""
    return found(edgekit.techniques, Technique)


def technique(name: str) -> type[Technique]:
    """The technique with this id, or a RecipeError that suggests the nearest."""
    if name not in techniques():
        raise RecipeError(unknown("technique", name, techniques()))
    return techniques()[name]


def described(name: str, kind: type[Technique]) -> dict:
    """A technique with its card and its settings, as the command line prints it with --json."""
    return {
        "id": name,
        "title": kind.title,
        "family": kind.family,
        "reference": kind.reference,
        "card": kind.card(),
        "settings": [
            {
                "name": view.name, "kind": view.kind, "default": view.default, "low": view.low, "high": view.high,
                "choices": list(view.choices), "unit": view.knob.unit, "help": view.knob.help,
            }
            for view in knobs(kind)
        ],
    }  # fmt: skip


def page(those: list[dict]) -> list[str]:
    """The lines of a Markdown page about techniques, each as `described`."""
    lines = ["# Techniques", ""]
    for one in those:
        lines += [f"## {one['title']} (`{one['id']}`)", "", f"{one['family']}. {one['reference']}", "", one["card"], ""]
        lines += ["| setting | default | range | help |", "|---|---|---|---|"]
        for s in one["settings"]:
            span = ", ".join(map(str, s["choices"])) or (f"{s['low']} to {s['high']}" if s["low"] is not None else "")
            lines.append(f"| `{s['name']}` | {s['default']} | {span} | {s['help']} |")
        lines.append("")
    return lines
