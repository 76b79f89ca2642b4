"""What one tab is looking at, kept in its address: so a reload, or a link sent to someone, shows the same thing.

Sliders and switches bind themselves to the address (`bind="query-params"`). What no widget holds is read and written
here: the selected run (?run=), the job being watched (?job=), a recipe that the sliders cannot make (?recipe=), what
was chosen for single layers (?layers=), and the presenter view (?present=, ?step=).
Everything that comes from an address is checked before it is used; what does not hold is dropped.
An address that the browser sent before it knew of a change made here would undo that change: `settle` mends it.
Each run of a page reads the address that it was sent (`named`): `st.query_params` is one for the whole tab, and a run
that a timer started can still put an older address there while the next run is drawn.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from edgekit.core.files import home
from edgekit.library import cards
from edgekit.search.layer_choices import AXES
from edgekit.store.store import DATABASE, FILES, Store

DEFAULT_MODEL = "lenet5-fashion"
IDENTIFIER = re.compile(r"[\w.-]{1,80}")
LONGEST_RECIPE = 4000
LATE = 10.0  # seconds after a change in which an address may still come that does not know of it


class Change(NamedTuple):
    """One name of the address as it was changed here: on which page, when (monotonic seconds), from what to what."""

    page: str | None
    when: float
    before: str | None
    after: str | None


def settle() -> None:
    """Make good what an outdated address would undo. At the start of every run of the page or of a part of it.

    The browser sends its address with every run, also with those that a timer starts. One that was on its way while a
    click changed the selected run still names the run before. To go back with the browser's own button is no such case.
    """
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        _changes().clear()
    for name, change in list(_changes().items()):
        if change.page != st.context.url or time.monotonic() - change.when > LATE:
            del _changes()[name]
        elif named(name) == change.before:
            _put(name, change.after)


def named(name: str) -> str | None:
    """What the address says of this name; None if it says nothing."""
    values = all_named(name)
    return values[-1] if values else None


def all_named(name: str) -> list[str]:
    """All that the address says of a name that it may hold several times."""
    context = get_script_run_ctx()
    return parse_qs(context.query_string, keep_blank_values=True).get(name, []) if context is not None else []


def store() -> Store:
    """The person's runs: one store for all tabs of this server."""
    return _store(str(home()), os.environ.get(DATABASE), os.environ.get(FILES))


@st.cache_resource(show_spinner=False, max_entries=2)
def _store(folder: str, database: str | None, files: str | None) -> Store:
    opened = Store.open()
    opened.interrupt_dead()
    opened.retention()
    return opened


def session() -> str:
    """This tab, for queueing its jobs fairly and replacing its own measurement by a newer one."""
    return st.session_state.setdefault("session", uuid.uuid4().hex)


def model_titles() -> dict[str, str]:
    """The models to choose from, the default first: id -> title."""
    titles = {name: card.title for name, card in cards().items()}
    first = {DEFAULT_MODEL: titles[DEFAULT_MODEL]} if DEFAULT_MODEL in titles else {}
    return first | titles


def take_over_model(known: Iterable[str]) -> None:
    """Let the model be the one that the address names, if there is such a one. Before the widget is drawn."""
    wanted = named("model")
    if wanted in known:
        st.session_state["model"] = wanted


def named_model(known: Iterable[str]) -> str:
    """The model that the address names, where no widget is drawn to choose one; else the default."""
    wanted = named("model") or DEFAULT_MODEL
    return wanted if wanted in known else DEFAULT_MODEL


def show_model() -> None:
    """Write the chosen model into the address, unless it is the default."""
    model = st.session_state["model"]
    _write("model", None if model == DEFAULT_MODEL else model)


def selected() -> str | None:
    """The run that this tab looks at, from ?run=."""
    return _identifier("run")


def select(run_id: str | None) -> None:
    """Look at another run; None looks at none."""
    _write("run", run_id)


def job() -> str | None:
    """The long job that this tab watches, from ?job=, which a reload takes up again."""
    return _identifier("job")


def watch(job_id: str | None) -> None:
    """Watch another job; None watches none."""
    _write("job", job_id)


def search() -> str | None:
    """The search that this tab looks at, from ?search=."""
    return _identifier("search")


def look_at_search(id: str | None) -> None:
    """Look at another search; None looks at none."""
    _write("search", id)


def presenting() -> bool:
    """Whether this tab shows the presenter view, from ?present=1."""
    return named("present") == "1"


def present(on: bool) -> None:
    """Show the presenter view from its first step, or leave it. For callbacks."""
    _write("present", "1" if on else None)
    _write("step", None)


def step(last: int) -> int:
    """Which step of the presenter view is shown, from ?step=: 1 to `last`."""
    number = named("step") or ""
    return min(int(number), last) if re.fullmatch("[1-9]", number) else 1


def turn_to(step: int) -> None:
    """Show another step of the presenter view. For callbacks."""
    _write("step", str(step))


def custom_recipe() -> list[dict[str, Any]] | None:
    """The recipe under ?recipe=, as YAML would hold it; None if there is none or it is no list of steps."""
    return parse_recipe(named("recipe") or "")


def set_custom_recipe(steps: list[dict[str, Any]] | None) -> None:
    """Keep a recipe in the address; None forgets it."""
    _write("recipe", None if steps is None else json.dumps(steps, separators=(",", ":")))


def layer_choices() -> dict[str, dict[str, float]]:
    """What was chosen for single layers, from ?layers=: id of an axis -> layer -> value. Else what holds of it."""
    text = named("layers") or ""
    try:
        found = json.loads(text) if len(text) <= LONGEST_RECIPE else {}
    except ValueError:
        return {}
    rows = found.items() if isinstance(found, dict) else ()
    return {
        axis: {layer: value for layer, value in own.items() if value in AXES[axis].values}
        for axis, own in rows
        if axis in AXES and isinstance(own, dict)
    }


def choose_for_layers(chosen: dict[str, dict[str, float]]) -> None:
    """Keep what was chosen for single layers in the address."""
    kept = {axis: own for axis, own in chosen.items() if own}
    _write("layers", json.dumps(kept, separators=(",", ":")) if kept else None)


def parse_recipe(text: str) -> list[dict[str, Any]] | None:
    """A recipe from an address. Its shape is checked here, its techniques and settings where it is used."""
    if not text or len(text) > LONGEST_RECIPE:
        return None
    try:
        steps = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(steps, list) and all(
        isinstance(step, dict) and len(step) == 1 and all(isinstance(value, dict) for value in step.values())
        for step in steps
    )
    return steps if whole else None


def _identifier(name: str) -> str | None:
    value = named(name) or ""
    return value if IDENTIFIER.fullmatch(value) else None


def _write(name: str, value: str | None) -> None:
    before = named(name)
    if before != value:
        _changes()[name] = Change(st.context.url, time.monotonic(), before, value)
        _put(name, value)


def _put(name: str, value: str | None) -> None:
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def _changes() -> dict[str, Change]:
    return st.session_state.setdefault("address_changes", {})
