"""What a person asks of the Autopilot: limits in any mix, minutes, how much training, which families."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.technique import FAMILIES
from edgekit.devices.catalog import devices
from edgekit.search.autopilot.kept import begin
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state
from edgekit.ui.header import Choice


@dataclass(frozen=True)
class Field:
    """An input for one limit; left empty it is none.

    Attributes:
        unit: behind the amount, as limits are written.
        least: the smallest amount.
    """

    label: str
    unit: str
    step: float
    least: float = 0.0
    default: float | None = None


MAIN = {
    "size": Field("Size on disk, at most (kB)", "KB", 10.0, 0.001),
    "latency": Field("Latency, at most (ms)", "ms", 0.05, 0.001),
    "accuracy_drop": Field("Accuracy lost, at most (points)", "", 0.5, default=1.0),
}
MORE = {
    "shipped": Field("Size as shipped, at most (kB)", "KB", 10.0, 0.001),
    "memory": Field("Peak memory, at most (MB)", "MB", 1.0, 0.001),
    "macs": Field("Multiply-accumulates, at most (millions)", "M", 1.0, 0.001),
    "fps": Field("Frames a second, at least", "", 10.0, 0.001),
    "accuracy": Field("Accuracy, at least (%)", "%", 1.0, 0.001),
}
THERE = {
    "latency": Field("Latency there, at most (ms)", "ms", 0.01, 0.001),
    "energy": Field("Energy of an answer, at most (mJ)", "mJ", 0.01, 0.001),
    "power": Field("Average power, at most (W)", "W", 0.01, 0.001),
}
TRAINING = {"none": "None", "quick": "Quick", "thorough": "Thorough"}


def form(choice: Choice, store: Store) -> None:
    """The inputs, and the button that begins a search."""
    with st.container(border=True, key="ask"):
        amounts = {name: _input(name, field) for name, field in MAIN.items()}
        with st.popover("More limits", icon=":material/add:", type="tertiary", key="more_limits"):
            amounts |= {name: _input(name, field) for name, field in MORE.items()}
        with st.popover("On a device", icon=":material/add:", type="tertiary", key="device_limits"):
            there = _on_device()
        minutes = st.number_input(
            "Minutes", 0.1, 1440.0, 5.0, step=1.0, format="%g", key="minutes", persist_state="session"
        )
        training = st.segmented_control(
            "Training", list(TRAINING), format_func=TRAINING.__getitem__, default="none", required=True, key="training",
            persist_state="session",
            help="None: only what takes a moment. Quick: up to 4 epochs a recipe. Thorough: up to 13.",
        )  # fmt: skip
        families = st.multiselect(
            "Families", FAMILIES, placeholder="All families", key="families", persist_state="session",
            help="Of techniques that may be used.",
        )  # fmt: skip
        limits = [_limit(name, amount) for name, amount in amounts.items() if amount is not None] + there
        if st.button(  # no callback: it would be given what the inputs held when the page was drawn
            ":primary[**Search**]", icon=":material/rocket_launch:", key="search", width="stretch",
            disabled=not limits or jobs_view.active(state.job()), help=None if limits else "Set at least one limit.",
        ):  # fmt: skip
            asked = {"minutes": minutes, "training": training, "families": families}
            _begin(choice, limits, asked, store)


def _input(name: str, field: Field) -> float | None:
    return st.number_input(
        field.label, field.least, None, field.default, step=field.step, format="%g", placeholder="no limit",
        key=f"limit_{name}", persist_state="session",
    )  # fmt: skip


def _on_device() -> list[str]:
    """Limits on what a device takes, if any are asked for; of energy and power where its power is known."""
    names = {id: one.name for id, one in devices().items()}
    chosen = st.selectbox(
        "Device", list(names), index=None, format_func=names.__getitem__, placeholder="no device", key="limit_device",
        persist_state="session", help="Estimated, unless you brought back what the board took.",
    )  # fmt: skip
    if not chosen:
        return []
    power, rate = devices()[chosen].power, ""
    amounts = {"latency": _input("device_latency", THERE["latency"])}
    if power:
        amounts["energy"] = _input("device_energy", THERE["energy"])
    if power and power.idle_w:
        watts, often = st.columns(2)
        with watts:
            amounts["power"] = _input("device_power", THERE["power"])
        with often:
            answers = st.number_input(
                "at answers a second", 0.001, None, 30.0, format="%g", key="limit_device_rate", persist_state="session"
            )
        rate = f"@{answers or 0:.9g}fps"
    return [
        f"{name}@{chosen}={amount:.9g}{THERE[name].unit}{rate if name == 'power' else ''}"
        for name, amount in amounts.items()
        if amount
    ]


def _limit(name: str, amount: float) -> str:
    return f"{name}={amount:.9g}{(MAIN | MORE)[name].unit}"


def _begin(choice: Choice, limits: list[str], asked: dict[str, Any], store: Store) -> None:
    try:
        kept = begin(choice.model, limits, store=store, **asked)
    except EdgeKitError as error:
        st.error(str(error), icon=":material/error:")
        return
    state.look_at_search(kept.id)
    state.watch(actions.search(kept.id, choice.card.title, store, state.session()).id)
    st.rerun()
