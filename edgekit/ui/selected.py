"""The selected point: its recipe, its file to download with the few lines that run it, and what to do with it."""

import streamlit as st
import yaml

from edgekit.core.budget import Budget
from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.models.about import About
from edgekit.search.rounding_pair import RoundingPair, rounding_pair
from edgekit.show import words
from edgekit.show.naming import command, file_name, table, title
from edgekit.show.snippet import snippet
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.ui import actions, controls, state
from edgekit.ui.actions import Wish
from edgekit.ui.report_block import report_block


def draw(run: Run, card: About, store: Store, budget: Budget | None = None) -> None:
    """Recipe and buttons, then numbers, code and hash in tabs."""
    with st.container(border=True, key="selected"):
        st.markdown(f"**{title(run)}**")
        with st.container(horizontal=True, gap="small"):
            download(run, store)
            st.button(
                "Load into the controls", icon=":material/tune:", key="load", on_click=_load, args=(run.recipe,),
                help="Set the sliders, or the recipe editor, to what made this file.",
            )  # fmt: skip
            pinned = "Unpin" if run.pinned else "Pin"
            st.button(
                pinned, icon=":material/keep:", key="pin", on_click=store.pin, args=(run.id, not run.pinned),
                help="Pinned runs and their files are never cleared away.",
            )  # fmt: skip
            if entry(run.data).labelled and (pair := rounding_pair(run.recipe)):
                st.button(
                    f"QAT against PTQ at {pair.bits} bits", icon=":material/compare_arrows:", key="race",
                    on_click=_race, args=(run, pair, store),
                    help="Measures the same recipe with rounding after training (PTQ) and with quantization-aware "
                    "training (QAT), then opens both under Compare.",
                )  # fmt: skip
            with st.popover("Share", icon=":material/ios_share:", key="share"):
                report_block(run, store, budget)
                st.button(
                    "Present", icon=":material/slideshow:", key="present", on_click=state.present, args=(True,),
                    help="The way from the original to this file in large type, step by step, for an audience.",
                )  # fmt: skip
        st.markdown(f":small[Exactly the file that was measured: sha256 `{run.artifact.sha256}`]")
        recipe, numbers, code = st.tabs(["Recipe", "All numbers", "Run this file"])
        recipe.code(yaml.safe_dump(spelled(run.recipe), sort_keys=False, default_flow_style=None), language=None)
        recipe.markdown(f":small[From the command line:] `{command(run)}`")
        numbers.table(table(run), width="stretch")
        code.code(snippet(run, card), language=None)


def download(run: Run, store: Store, key: str = "download") -> None:
    """The button that gives a run's file, or why it is not there."""
    try:
        path = store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.caption(str(error))
        return
    # read now: a file promised for later is gone if the page is drawn anew between the click and the download
    st.download_button(
        f":primary[**Download**] {words.size(run.artifact.bytes)}", path.read_bytes(), file_name(run),
        "application/octet-stream", icon=":material/download:", key=key, on_click="ignore",
    )  # fmt: skip


def _race(run: Run, pair: RoundingPair, store: Store) -> None:
    whole = run.samples >= entry(run.data).evaluation
    wishes = [Wish(run.model, recipe, None if whole else run.samples) for recipe in (pair.after, pair.aware)]
    state.watch(actions.race(wishes, store, state.session()).id)


def _load(recipe: list[dict]) -> None:
    controls.load(recipe)
