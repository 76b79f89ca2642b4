"""The formats, a row each: what comes out, whether its tools are here, and the button that exports or sets them up."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from edgekit.core.run import Run
from edgekit.export.exporting import all_of
from edgekit.export.format import AS_IS, Format
from edgekit.export.formats import formats
from edgekit.jobs.jobs import Job
from edgekit.show import words
from edgekit.ui import actions, jobs_view, state

KEPT = 32  # files whose formats are remembered
FIRST = ("onnx", "ort")  # which need nothing besides EdgeKit
PRECISIONS = {"fp32": "32-bit floats", "fp16": "16-bit floats", "int8": "8-bit integers", "dynamic": "8-bit weights"}


def draw(run: Run, file: Path) -> None:
    """All formats, those that can be made first."""
    fits, done = _fits(run.artifact.sha256, str(file)), {one.format for one in all_of(run.id).values()}
    busy = jobs_view.active(state.job())
    for kind in sorted(
        formats().values(), key=lambda one: (all(fits[one.id][1].values()), one.id not in FIRST, one.title)
    ):
        with st.container(border=True, key=f"format-{kind.id}"):
            _row(kind, run, *fits[kind.id], kind.id in done, busy)


def _row(kind: Format, run: Run, default: str, cannot: dict[str, str], done: bool, busy: bool) -> None:
    possible = [precision for precision in kind.precisions if not cannot[precision]]
    missing = kind.missing()
    about, how = st.columns([3, 2], vertical_alignment="center")
    with about:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{kind.title}**", width="content")
            _state(kind, bool(possible), missing, done)
        text = f"Makes {kind.makes}."
        if kind.again:
            text += " Starts from floats again: a point of its own"
            text += ", with integers re-quantized here." if kind.requantizes else "."
        st.caption(" ".join(filter(None, (text, kind.caution, kind.why_not))))
    with how:
        if not possible:
            st.caption(f"Not from this file: {words.plain(cannot[default])}")
            return
        if missing:
            st.button(
                f"Set up, {kind.megabytes:,} MB", icon=":material/download:", key=f"setup-{kind.id}", disabled=busy,
                on_click=_watch, args=(actions.set_up, kind.id, state.session()),
                help="Builds an environment of its own in the cache folder, apart from EdgeKit's packages. "
                f"The same as: python -m edgekit export setup {kind.id}",
            )  # fmt: skip
            return
        precision = possible[0]
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            if len(possible) > 1:
                precision = st.selectbox(
                    "Numbers", possible, index=possible.index(default) if default in possible else 0,
                    format_func=_precision, key=f"precision-{kind.id}", label_visibility="collapsed", width=170,
                )  # fmt: skip
            st.button(
                "Export and check" if kind.runs else "Export", icon=":material/output:", key=f"export-{kind.id}",
                on_click=_watch, args=(actions.export, run.id, kind.id, kind.title, precision, state.session()),
                disabled=busy,
            )  # fmt: skip


def _state(kind: Format, possible: bool, missing: str, done: bool) -> None:
    """One word for where it stands, with a colour and an icon."""
    if not possible:
        st.badge("cannot", icon=":material/block:", color="gray")
    elif missing:
        st.badge("needs setup", icon=":material/download:", color="orange")
    elif done:
        st.badge("exported", icon=":material/check:", color="blue")
    else:
        st.badge("ready", icon=":material/check:", color="green")


def _precision(name: str) -> str:
    return PRECISIONS.get(name, "as it is" if name == AS_IS else name)


@st.cache_data(show_spinner=False, max_entries=KEPT)
def _fits(sha256: str, path: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Per format: the precision that keeps the file, and why each of its precisions cannot be made ("": it can)."""
    import onnx

    from edgekit.artifacts.filling import unfilled

    graph = unfilled(onnx.load(path))
    return {
        name: (kind.default(graph), {precision: kind.cannot(graph, precision) for precision in kind.precisions})
        for name, kind in formats().items()
    }


def _watch(start, *args: str) -> None:
    job: Job = start(*args)
    state.watch(job.id)
