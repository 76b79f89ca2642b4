"""The .tflite file of a run that a device kit takes along: what was exported to LiteRT, or why there is none."""

from __future__ import annotations

from pathlib import Path

from edgekit.core.progress import Progress, silent
from edgekit.export.exported import Exported
from edgekit.export.exporting import all_of, export, place
from edgekit.export.formats import format_of
from edgekit.store.store import Store

FORMAT = "litert"
FIRST = "int8"  # of several, as it is what boards are quick with


def tflite_of(run_id: str) -> tuple[Path | None, str]:
    """The file, or why a kit has none: a sentence that says what to do."""
    found = {folder: one for folder, one in all_of(run_id).items() if one.format == FORMAT}
    good = {folder: one for folder, one in found.items() if not one.problems}
    if good:
        folder, one = min(good.items(), key=lambda item: item[1].precision != FIRST)
        return folder / one.main, ""
    kind = format_of(FORMAT)
    if found:
        return None, f"No .tflite: what {kind.title} made of this run does not answer as its file does."
    if missing := kind.missing():
        return None, f"No .tflite: {kind.title} {missing}, then export this run to it."
    return None, f"No .tflite yet: export this run to {kind.title} first."


def made(run_id: str, store: Store, progress: Progress = silent) -> Exported:
    """Export a run to LiteRT where the page Deploy keeps it, in the precision that keeps the file.

    Raises:
        ExportError: its tools are not here, or refuse the network.
    """
    from edgekit.export.exporting import graph_of

    precision = format_of(FORMAT).default(graph_of(store.get(run_id), store))
    return export(run_id, FORMAT, place(run_id, FORMAT, precision), precision=precision, store=store, progress=progress)
