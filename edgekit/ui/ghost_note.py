"""Below the charts: how far predictions were off until now; or, where a model came without, a button to have some."""

import streamlit as st

from edgekit.core.run import Status
from edgekit.search.ghost_record import Record, record
from edgekit.search.sensitivity import known_table
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state
from edgekit.ui.header import Choice
from edgekit.ui.look import View

LAST = 50  # newest runs of a model that are looked through


def draw(choice: Choice, view: View, store: Store) -> None:
    """Nothing before the network itself was measured, since predictions are relative to it."""
    if view.baseline is None:
        return
    if known_table(choice.model, view.baseline.model_sha256, store) is None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="no_ghost"):
            st.caption("Moving a slider shows no preview of this model yet.", width="content")
            st.button(
                "Measure previews", icon=":material/blur_on:", key="measure_previews", type="tertiary",
                on_click=_measure, args=(choice, store), disabled=jobs_view.active(state.job()),
                help="Tries every slider position on validation data, in the background. Takes minutes for small "
                "networks, and longer for large ones.",
            )  # fmt: skip
    elif found := _record(choice.model, store.version()):
        st.caption(sentence(found))


def sentence(found: Record) -> str:
    """ "The preview was off by 0.3 points and 4 % of the latency on average over your last 12 runs."""
    off = [] if found.quality is None else [f"{100 * found.quality:.1f} points"]
    off += [] if found.latency is None else [f"{words.percent(found.latency, 0)} of the latency"]
    alone = found.runs == 1
    many = "your last run" if alone else f"your last {found.runs} runs with one"
    if not off:
        return f"The preview told the size of {many} exactly."
    inside = "it" if alone else f"{found.inside} of them"
    held = "" if alone and not found.inside else f"; {inside} lay inside its band"
    return f"The preview was off by {' and '.join(off)}{'' if alone else ' on average'} over {many}{held}."


@st.cache_data(show_spinner=False, max_entries=16)
def _record(model: str, version: str) -> Record | None:
    """Read once for each change of the store, which `version` tells."""
    return record(state.store().list(LAST, model=model, statuses=[Status.DONE]))


def _measure(choice: Choice, store: Store) -> None:
    state.watch(actions.preview(choice.model, choice.card.title, store, state.session()).id)
