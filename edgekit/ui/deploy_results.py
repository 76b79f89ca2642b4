"""What exports became: a table with their checks, what is wrong in red, the files, and the lines that run them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import streamlit as st

from edgekit.core.run import Run
from edgekit.export.exported import SAMPLES, Exported
from edgekit.export.exporting import all_of
from edgekit.show import words
from edgekit.ui.deploy_formats import PRECISIONS

NOT_RUN = "not run here"


def draw(run: Run) -> None:
    """The table, then each export with its files."""
    found = all_of(run.id)
    if not found:
        st.caption(
            "Nothing yet. Export above: every file that can run on this computer is then run in its own runtime on "
            f"{SAMPLES} test samples, and compared with the ONNX file."
        )
        return
    st.dataframe(table(found.values()), hide_index=True, key="exports")
    for one in found.values():
        for problem in one.problems:
            st.error(f"**{name(one)}.** {problem}", icon=":material/error:")
    for folder, one in found.items():
        _files(folder, one)


def name(one: Exported) -> str:
    """The format, and the precision where it was chosen."""
    chosen = PRECISIONS.get(one.precision)
    return f"{one.title}, {chosen}" if chosen else one.title


def table(those: Iterable[Exported]) -> pd.DataFrame:
    """One row an export."""
    rows = []
    for one in those:
        ran = one.quality is not None
        rows.append(
            {
                "Format": name(one),
                "Check": "problem" if one.problems else "holds" if ran else NOT_RUN,
                "Size": words.size(one.size_bytes),
                "Quality": words.measured(one.quality),
                "Against ONNX": words.points(-one.points_lost / 100) if ran else "–",
                "Other answers": f"{one.disagreements} of {one.samples}" if ran else "–",
                "Latency": words.measured(one.latency),
                "ONNX Runtime": words.measured(one.original_latency),
                "Speed": _speed(one),
                "Runtime": one.runtime,
                "Point of its own": "re-quantized here" if one.requantized else "",
            }
        )
    return pd.DataFrame(rows)


def _speed(one: Exported) -> str:
    if one.ratio is None:
        return "–"
    return "a tie" if one.speed == "tie" else words.times(one.ratio.value, "faster", "slower")


def _files(folder: Path, one: Exported) -> None:
    with st.expander(name(one), icon=":material/description:"):
        st.download_button(
            "Download", lambda: content(folder, one), label(folder, one), "application/octet-stream",
            icon=":material/download:", key=f"get-{folder.name}", on_click="ignore",
        )  # fmt: skip
        st.markdown(", ".join(f"`{file}` {words.size(size)}" for file, size in one.files.items()))
        for note in one.notes:
            st.caption(words.plain(note))
        if one.use:
            st.code(one.use, language=None)
        if one.operators:
            operators = sorted(one.operators.items(), key=lambda item: -item[1])
            st.caption("Operators: " + ", ".join(f"{words.plain(kind)} {count}" for kind, count in operators))
        if one.weights:
            weights = sorted(one.weights.items(), key=lambda item: -item[1])
            st.caption("Stored numbers: " + ", ".join(f"{count:,} {kind}" for kind, count in weights))


def label(folder: Path, one: Exported) -> str:
    """What the download is called."""
    return one.main if _is_single(folder, one) else f"{one.model}-{folder.name}.zip"


def content(folder: Path, one: Exported) -> bytes:
    """A single file as it is; several, or a folder, as a zip."""
    if _is_single(folder, one):
        return (folder / one.main).read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (folder / file for file in one.files):
            for inner in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
                archive.write(inner, inner.relative_to(folder))
    return buffer.getvalue()


def _is_single(folder: Path, one: Exported) -> bool:
    return len(one.files) == 1 and (folder / one.main).is_file()
