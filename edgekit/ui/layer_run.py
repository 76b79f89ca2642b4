"""A compressed file beside the original, layer by layer: the numbers they hold, how far they moved, and their time."""

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.show import words
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.ui import actions, layer_spread, layer_time, on_demand, state

OFFERED = 200  # newest runs to choose from
VIEWS = ["Weights", "Activations", "Noise", "Time"]


def pick(model: str, samples: int, store: Store) -> Run | None:
    """The compressed file to look into: the one in the address, or the newest; None where there is none."""
    found = {one.id: one for one in store.summaries(model, samples, limit=OFFERED) if one.recipe}
    if not found:
        return None
    wanted = state.selected()
    chosen = st.selectbox(
        "Compressed file", list(found), index=list(found).index(wanted) if wanted in found else 0,
        format_func=lambda name: found[name].name or words.recipe(spelled(found[name].recipe)),
        key=f"layers_run-{wanted}", on_change=_picked, args=(f"layers_run-{wanted}",),
    )  # fmt: skip
    return store.get(chosen)


def draw(run: Run, store: Store) -> None:
    """One of the views, for all layers or for one."""
    view = st.segmented_control(
        "Look at", VIEWS, default=VIEWS[0], required=True, key="layer_view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    try:
        base = store.file(store.get(run.baseline).artifact.sha256)
        ours = store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.info(str(error), icon=":material/info:")
        return
    if view == "Weights":
        layer_spread.weights(base, ours)
    elif view == "Time":
        layer_time.draw(run, store)
    else:
        on_demand.measured(
            "layer_outputs", run, store,
            caption="Runs both files on the same validation samples and compares what every layer puts out.",
            label="Look into every layer",
            help="Takes a few seconds. Nothing is kept.",
            start=lambda path: actions.look_into(path, run, store, state.session()),
            show=layer_spread.activations if view == "Activations" else layer_spread.noise,
        )  # fmt: skip


def _picked(key: str) -> None:
    state.select(st.session_state[key])
