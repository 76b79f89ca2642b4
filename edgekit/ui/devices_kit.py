"""Take the file to a real board, and bring back what it took there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.numbers import threads
from edgekit.core.run import OnBoard, Run
from edgekit.show import words
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.devices.catalog import Device

SAID = "devices_said"  # in session state: what the last result did


def draw(run: Run, device: Device, store: Store) -> None:
    """The kit to download, the result to bring back, and what came back so far."""
    from edgekit.devices.result import LARGEST

    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**1. Take it there**")
        st.caption(
            f"A zip with this file, the original and bench.py, which needs numpy and onnxruntime only. Made for "
            f"{device.name}; runs on any board with Python."
        )
        _download(run, device, store)
    with right, st.container(border=True, height="stretch"):
        st.markdown("**2. Bring back result.json**")
        st.file_uploader(
            "result.json", type="json", max_upload_size=LARGEST // 1_000_000, key="device_result",
            on_change=_take, args=(run, device, store),
            help="What bench.py wrote on the board. It becomes a solid point, and better estimates for that device.",
        )  # fmt: skip
    kind, text = st.session_state.pop(SAID, ("", ""))
    if text:
        (st.success if kind == "good" else st.warning)(text)
    if run.boards:
        st.table(boards(run), width="stretch", alt="What was measured of this file on real devices")
        _forgetting(run, store)
    mended(store)


def boards(run: Run) -> dict[str, list[str]]:
    """What was measured of a run's file on real devices, as a table."""
    return {
        "Board": [words.plain(one.board) for one in run.boards],
        "Latency": [
            f"{words.measured(one.latency)} :small[:gray[({words.interval(one.latency)})]]" for one in run.boards
        ],
        "Original": [words.measured(one.baseline) for one in run.boards],
        "Speed": [_speed(one) for one in run.boards],
        "Runtime": [f"{words.plain(one.runtime)}, {threads(one.threads)}" for one in run.boards],
        "Taken": [f"{one.taken:%Y-%m-%d}" for one in run.boards],
    }


def mended(store: Store) -> None:
    """How far off estimates were before and after a person's own results."""
    from edgekit.devices.catalog import devices
    from edgekit.devices.own import recalibrated

    found = recalibrated(store)
    if not found:
        return
    st.markdown("**Your own rates**")
    st.table(
        {
            "Device": [devices()[one.calibration.device].name for one in found],
            "Rates": [one.calibration.title for one in found],
            "Times as long as ours": [f"{one.factor:.2f} ×" for one in found],
            "Error before": [words.percent(one.before, 0) for one in found],
            "Error after": ["one file: nothing to leave out" if one.after is None else words.percent(one.after, 0)
                            for one in found],
        },
        width="stretch",
    )  # fmt: skip
    st.caption("The error after is of each file by rates that were scaled without it. They serve your estimates only.")


def _download(run: Run, device: Device, store: Store) -> None:
    from edgekit.export.for_boards import tflite_of

    tflite, why_none = tflite_of(run.id)
    try:
        packed = _packed(run.id, device.id, tflite, tflite and tflite.stat().st_mtime_ns, store)
    except EdgeKitError as error:
        st.caption(str(error))
        return
    st.download_button(
        f":primary[**Device kit**] {words.size(len(packed))}", packed, f"edgekit-{run.model}-{run.id}-kit.zip",
        "application/zip", icon=":material/download:", key="device_kit", on_click="ignore",
    )  # fmt: skip
    st.caption(words.plain(why_none) or "With model.tflite, to be timed by LiteRT too.")


@st.cache_data(show_spinner=False, max_entries=4)
def _packed(run: str, device: str, tflite: Path | None, written: int | None, _store: Store) -> bytes:
    """`written`, when the .tflite was, so that a newer one is taken."""
    from edgekit.devices.own import kit_of

    return kit_of(_store.get(run), _store, device, tflite)


def _forgetting(run: Run, store: Store) -> None:
    """A button for each board, to take a result out again that was brought by mistake."""
    with st.container(horizontal=True, gap="small"):
        for place, one in enumerate(run.boards):
            st.button(
                f"Forget {words.plain(one.board)}", icon=":material/delete:", type="tertiary", key=f"forget-{place}",
                help="Takes its point off the charts, and estimates go by it no more.",
                on_click=_forget, args=(one, run.id, store),
            )  # fmt: skip


def _forget(point: OnBoard, run: str, store: Store) -> None:
    from edgekit.devices.own import forget

    forget(point, store.get(run), store)


def _speed(one: OnBoard) -> str:
    if one.ratio is None:
        return "–"
    return "same speed" if one.speed == "tie" else words.times(one.ratio.value, "faster", "slower")


def _take(run: Run, device: Device, store: Store) -> None:
    from edgekit.devices.catalog import devices
    from edgekit.devices.own import add

    given = st.session_state.device_result
    if given is None:
        return
    try:
        point = add(given.getvalue(), store.get(run.id), store, device.id)
    except EdgeKitError as error:
        st.session_state[SAID] = ("bad", words.plain(str(error)))
        return
    known = devices().get(point.device)
    counts = f"Estimates for {known.name} go by it too" if known else f"It is not taken for a {device.name}"
    because = "" if known else ", whose processor is of another family"
    st.session_state[SAID] = (
        "good",
        words.plain(
            f"{point.board}: {words.measured(point.latency)}, measured. It is on the chart now. {counts}{because}."
        ),
    )
