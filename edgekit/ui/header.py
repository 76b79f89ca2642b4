"""The top of the Workbench: which model, scored on how many samples, on which machine, and the budget as chips."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from edgekit.core.budget import Budget, Limit
from edgekit.core.host import this_host
from edgekit.core.measurement import METRICS, QUALITIES, Measurement, Origin, quality
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.devices.catalog import devices
from edgekit.library import cards
from edgekit.models.about import About
from edgekit.show import words
from edgekit.ui import state

SAMPLES = {"all": None, "2,000": 2000, "500": 500}


@dataclass(frozen=True)
class Choice:
    """What the page is about: a model with its card, and how many test samples score it (None: all)."""

    model: str
    card: About
    samples: int | None


def choose() -> Choice:
    """The model and the number of test samples, from the address or the two widgets."""
    known = cards()
    titles = {name: f"{title} on {entry(known[name].data).title}" for name, title in state.model_titles().items()}
    state.take_over_model(titles)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        model = st.selectbox(
            "Model", list(titles), format_func=titles.__getitem__, key="model", persist_state="session",
            width=340, on_change=_another,
        )  # fmt: skip
        card, samples = known[model], "all"
        if not entry(card.data).synthetic:
            samples = st.segmented_control(
                "Test samples", list(SAMPLES), default="all", required=True, key="samples", bind="query-params",
                help="All of the test set gives the tightest interval. Fewer are quicker; points scored on a different "
                "number of samples are never drawn together.",
            )  # fmt: skip
    state.show_model()
    host = this_host()
    st.caption(
        f"{card.summary} Measured on this computer: {host.cpu}, {host.cores} cores, ONNX Runtime, batch 1, one thread."
    )
    wanted = SAMPLES[samples]
    return Choice(model, card, wanted if wanted and wanted < entry(card.data).evaluation else None)


SEEN = "budget_seen"  # in session state
UNKNOWN = Measurement(metric="accuracy", value=1.0, low=1.0, high=1.0, origin=Origin.ESTIMATED)  # before it is measured


def budget(run: Run | None, baseline: Run | None, about: About) -> Budget:
    """The budget as three chips, green where the selected file holds it, and a place to change it.

    On random inputs there is no accuracy to lose, so there are two.
    """
    place, chosen = ask_budget(about)
    chips(place, chosen, run, baseline, about)
    return chosen


def ask_budget(about: About) -> tuple[DeltaGenerator, Budget]:
    """The place for the chips, and beside it the one where the budget is changed; what it is now."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="budget"):
        place = st.container(horizontal=True, vertical_alignment="center", gap="small", width="content")
        with st.popover("Budget", icon=":material/edit:", type="tertiary", key="budget_edit"):
            plain = Budget()
            size = st.number_input(
                "Size on disk, at most (MB)", 0.001, 10_000.0, plain.size_bytes / 1e6, step=0.1, format="%g",
                key="size", bind="query-params",
            )  # fmt: skip
            latency = st.number_input(
                "Latency, at most (ms)", 0.001, 100_000.0, plain.latency_ms, step=0.1, format="%g",
                key="latency", bind="query-params",
            )  # fmt: skip
            drop = plain.accuracy_drop
            if not entry(about.data).synthetic:
                drop = st.number_input(
                    "Accuracy lost, at most (points)", 0.0, 100.0, drop, step=0.1, format="%g",
                    key="drop", bind="query-params",
                )  # fmt: skip
            device, there = on_device()
    chosen = Budget(
        size_bytes=size * 1e6, latency_ms=latency, accuracy_drop=drop, device=device, device_latency_ms=there
    )
    st.session_state[SEEN] = chosen
    return place, chosen


def budget_of_session() -> Budget:
    """The budget as it stood on the last page that asks for one."""
    return st.session_state.get(SEEN, Budget())


def chips(place: DeltaGenerator, chosen: Budget, run: Run | None, baseline: Run | None, about: About) -> None:
    """A chip for each limit of a budget, by what was measured of a run."""
    before = quality(baseline.measurements) if baseline else UNKNOWN
    seen = run if baseline else None
    for limit in chosen.limits(None if entry(about.data).synthetic else before):
        measured = seen.measurements.get(limit.metric) if seen else None
        chip(place, METRICS[limit.metric].title.split()[0], text(limit, chosen), seen and (limit.miss(measured) or ""))
    if chosen.there:
        device_chip(place, chosen.there, seen)


def chip(place: DeltaGenerator, title: str, text: str, miss: str | None) -> None:
    """One limit: kept, missed, or nothing measured yet; in words and with an icon, not by colour alone.

    Args:
        miss: why it is missed; "" where it is kept; None where nothing was measured yet.
    """
    if miss is None:
        place.badge(f"{title}: {text}", icon=":material/radio_button_unchecked:", color="gray")
    elif miss:
        place.badge(f"{title} over budget: {text}", icon=":material/close:", color="red", help=miss)
    else:
        place.badge(f"{title} within budget: {text}", icon=":material/check:", color="green")


def device_chip(place: DeltaGenerator, limit: Limit, run: Run | None) -> None:
    """The limit on another device, held against its board's measurement or an estimate; which of both is said."""
    found = None
    if run is not None:
        from edgekit.devices.foreseen import foreseen

        found = foreseen(run, [limit]).get(limit.key)
    how = "measured" if found and found.origin is Origin.MEASURED else "estimate"
    title = f"Latency on {devices()[limit.device].name} ({how})"
    chip(place, title, f"at most {words.number(limit.metric, limit.worst)}", run and (limit.miss(found) or ""))


def on_device(first: Budget | None = None) -> tuple[str, float | None]:
    """A device of the catalog and the most milliseconds there; "" and None where no such limit is wanted.

    Args:
        first: whose limit stands there until another is chosen; none by default.
    """
    first = first or Budget()
    names = {"": "none"} | {id: one.name for id, one in devices().items()}
    device = st.selectbox(
        "Also on a device", list(names), index=list(names).index(first.device), format_func=names.__getitem__,
        key="budget_device", bind="query-params",
        help="Its latency is an estimate, unless you brought back what the board took.",
    )  # fmt: skip
    if not device:
        return "", None
    latency = st.number_input(
        "Latency there, at most (ms)", 0.001, 100_000.0, first.device_latency_ms or 30.0, step=0.1, format="%g",
        key="budget_device_latency", bind="query-params",
    )  # fmt: skip
    return device, latency


def settle_for(budget: Budget) -> None:
    """Set the budget to another one. For callbacks."""
    st.session_state["size"] = budget.size_bytes / 1e6
    st.session_state["latency"] = budget.latency_ms
    st.session_state["drop"] = budget.accuracy_drop


def turn_to(model: str) -> None:
    """Choose another model. For callbacks."""
    st.session_state["model"] = model
    _another()


def text(limit: Limit, budget: Budget) -> str:
    """What a limit asks for: "at most 5.00 MB", "at most 1 point lost"."""
    if limit.metric in QUALITIES:
        return f"at most {words.drop(budget.accuracy_drop)}"
    return f"at most {words.number(limit.metric, limit.worst)}"


def _another() -> None:
    """Another model: the selected run, and recipe and layers chosen for the last one, no longer apply."""
    state.show_model()
    state.select(None)
    state.set_custom_recipe(None)
    state.choose_for_layers({})
