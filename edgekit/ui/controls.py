"""The Workbench's controls: the sliders, or the recipe that a person writes step by step."""

import streamlit as st

from edgekit.data.catalog import entry
from edgekit.library import card
from edgekit.search.sliders import BITS, SPARSITIES, Sliders
from edgekit.ui import recipe_editor, sliders, state

SLIDERS, RECIPE = "Sliders", "Recipe"
WHOLE, WEIGHTS_ONLY = "weights and activations", "weights only"
NONE, TUNE = "none", "fine-tune"


def recipe(model: str) -> list[dict] | None:
    """Draw the controls; what they make as a recipe, or None while the recipe has problems."""
    st.session_state.setdefault("edit", RECIPE if state.custom_recipe() is not None else SLIDERS)
    mode = st.segmented_control(
        "How to choose", [SLIDERS, RECIPE], required=True, key="edit", label_visibility="collapsed",
        on_change=_switched, width="stretch", persist_state="session",
    )  # fmt: skip
    if mode == RECIPE:
        return recipe_editor.edit(model)
    chosen = _sliders(labelled=entry(card(model).data).labelled).recipe()
    st.session_state["sliders_recipe"] = chosen
    return chosen


def each_step() -> bool:
    """Whether the file after every step is to be measured as well."""
    return st.toggle(
        "Measure each step", key="each_step", bind="query-params",
        help="Also write and measure the file after every step, to see what each one did.",
    )  # fmt: skip


def load(steps: list[dict]) -> None:
    """Set the controls to make this recipe: the sliders if they can, the recipe editor if not. For callbacks."""
    found = sliders.position(steps)
    if found is None:
        st.session_state["edit"] = RECIPE
        recipe_editor.replace(steps)
        return
    state.set_custom_recipe(None)
    values = {
        "edit": SLIDERS,
        "prune": found.prune,
        "sparsity": round(100 * found.sparsity),
        "bits": found.bits,
        "values": WHOLE if found.activations else WEIGHTS_ONLY,
        "recovery": TUNE if found.epochs else NONE,
    }
    values |= {"epochs": found.epochs} if found.epochs else {}
    for key, value in values.items():
        st.session_state[key] = value


def _switched() -> None:
    """Start the editor from what the sliders make; back at the sliders, the recipe is forgotten."""
    if st.session_state["edit"] == RECIPE:
        recipe_editor.replace(st.session_state.get("sliders_recipe", []))
    else:
        state.set_custom_recipe(None)


def _sliders(labelled: bool) -> Sliders:
    """The sliders; what needs labels is greyed out without them."""
    prune = st.segmented_control(
        "Prune", ["channels", "weights", "2:4"], default="channels", required=True, key="prune", bind="query-params",
        help="Channels make the network narrower, so also faster. Single weights become zeros, which are left "
        "out of the file, but not of the work. 2:4 zeroes two of every four weights, for hardware that skips them.",
    )  # fmt: skip
    sparsity = st.slider(
        "Sparsity", 0, round(100 * SPARSITIES[-1]), step=round(100 * SPARSITIES[1]), format="%d %%", key="sparsity",
        bind="query-params",
        help="The share of channels or weights to remove. 2:4 always removes half, so any value above 0 turns it on.",
    )  # fmt: skip
    bits = st.select_slider(
        "Bits per weight", BITS, value=8, key="bits", bind="query-params",
        help="32 leaves the weights as they are, 16 stores half-precision floats, 8 and below store integers.",
    )  # fmt: skip
    values = st.segmented_control(
        "Quantize", [WHOLE, WEIGHTS_ONLY], default=WHOLE, required=True, key="values", bind="query-params",
        disabled=bits >= 16, wrap=True,
        help="With 8-bit activations the network also computes in integers, which is faster. "
        "Applies at 8 bits and below.",
    )  # fmt: skip
    recovery = st.segmented_control(
        "Recover accuracy", [NONE, TUNE], default=NONE, required=True, key="recovery", bind="query-params",
        help="Fine-tuning trains the pruned network for a few epochs, on this computer."
        + ("" if labelled else " It needs labels, which this data does not have."),
        disabled=not labelled,
    )  # fmt: skip
    epochs = 0
    if recovery == TUNE and labelled:
        epochs = st.slider("Epochs", 1, sliders.MOST_EPOCHS, 3, key="epochs", bind="query-params")
    return Sliders(sparsity=sparsity / 100, prune=prune, bits=bits, activations=values == WHOLE, epochs=epochs)
