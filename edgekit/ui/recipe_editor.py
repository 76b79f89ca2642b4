"""A recipe written step by step: add, remove and reorder steps; forms come from knobs, problems show as you build."""

import itertools
from typing import Any

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.knobs import knobs
from edgekit.ui import state, technique_cards
from edgekit.ui.form import form

_numbers = itertools.count()


def edit(model: str) -> list[dict] | None:
    """Draw the editor; the recipe, or None while it has problems, which are then listed."""
    with st.spinner("Loading the techniques"):
        from edgekit.library import load
        from edgekit.registry import techniques
    steps = st.session_state.get("steps")
    if steps is None:
        steps = replace(state.custom_recipe() or [])
    problems: list[str] = []
    for place, step in enumerate(steps):
        if step["name"] not in techniques():
            problems.append(f"Step {place + 1}: there is no technique '{step['name']}'. Remove it.")
        _step(steps, place, techniques().get(step["name"]), problems)
    if not steps:
        st.caption("No steps yet: this is the network as it came. Add a step to start.")
    st.button("Add a step", icon=":material/add:", key="add_step", width="stretch", on_click=technique_cards.open_list)
    if st.session_state.get("adding"):
        technique_cards.choose(load(model), techniques(), _add)
    recipe = [{step["name"]: step["values"]} for step in steps]
    state.set_custom_recipe(recipe)
    problems = problems or _problems(model, recipe)
    for problem in problems:
        st.warning(problem, icon=":material/warning:")
    return None if problems else recipe


def replace(recipe: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start over with these steps."""
    steps = [_new(name, values) for step in recipe for name, values in step.items()]
    st.session_state["steps"] = steps
    state.set_custom_recipe(recipe)
    return steps


def _new(name: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"key": f"step{next(_numbers)}", "name": name, "values": dict(values)}


def _add(name: str) -> None:
    st.session_state["steps"].append(_new(name, {}))


def _step(steps: list[dict], place: int, kind: Any, problems: list[str]) -> None:
    """One step: its title with buttons to move and remove it, and its form."""
    step = steps[place]
    with st.container(border=True, gap="small", key=f"card-{step['key']}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
            st.markdown(f"**{place + 1}. {kind.title if kind else step['name']}**", width="stretch")
            if kind:
                with st.popover(
                    ":material/info:", type="tertiary", help="About this technique", key=f"{step['key']}-about"
                ):
                    technique_cards.about(kind)
            for icon, text, move in (("arrow_upward", "Move up", -1), ("arrow_downward", "Move down", 1)):
                st.button(
                    f":material/{icon}:", key=f"{step['key']}-{icon}", type="tertiary", help=text,
                    disabled=not 0 <= place + move < len(steps), on_click=_swap, args=(steps, place, place + move),
                )  # fmt: skip
            st.button(
                ":material/delete:", key=f"{step['key']}-remove", type="tertiary", help="Remove this step",
                on_click=steps.pop, args=(place,),
            )  # fmt: skip
        if kind is None:
            return
        try:
            step["values"] = form(knobs(kind), step["values"], step["key"])
            kind.make(step["values"])
        except EdgeKitError as error:
            problems.append(f"Step {place + 1}: {error}")


def _swap(steps: list[dict], one: int, other: int) -> None:
    steps[one], steps[other] = steps[other], steps[one]


def _problems(model: str, recipe: list[dict]) -> list[str]:
    """What keeps the steps from working in this order on this model."""
    from edgekit.library import load
    from edgekit.recipe import Recipe

    try:
        return Recipe.parse(recipe).problems(load(model))
    except EdgeKitError as error:
        return str(error).splitlines()
