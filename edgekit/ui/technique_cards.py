"""The techniques as a person meets them: a list by family to add a step from, and the card of each one."""

import re
from collections.abc import Callable

import streamlit as st

from edgekit.core.model import Model
from edgekit.core.technique import FAMILIES, Fact, Technique

SECTIONS = ("Costs", "When it fails", "Reference")


def close() -> None:
    """Let the list go."""
    st.session_state["adding"] = False


def open_list() -> None:
    """Show the list from now on, also on a page that is drawn anew because a point has come."""
    st.session_state["adding"] = True


@st.dialog("Add a step", width="medium", icon=":material/add:", on_dismiss=close)
def choose(model: Model, kinds: dict[str, type[Technique]], add: Callable[[str], None]) -> None:
    """A list of all techniques that this network can take, by family, each with what it will and will not do.

    Args:
        add: called with the id of the one that is chosen.
    """
    facts = model.facts()
    lacking = {name: missing(kind, facts) for name, kind in kinds.items()}
    for family in FAMILIES:
        members = {name: kind for name, kind in kinds.items() if kind.family == family and not lacking[name]}
        if members:
            st.markdown(f"**{family}**")
        for name, kind in members.items():
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.markdown(f"{kind.title}  \n:small[:gray[{kind.effect}]]", width="stretch")
                if st.button("Add", key=f"add-{name}", help=idea(kind), on_click=_chosen, args=(name, add)):
                    st.rerun()  # closes the list
    if told := [f"- {kinds[name].title}: needs {', '.join(gone)}." for name, gone in lacking.items() if gone]:
        st.markdown(f"**Not for {model.title}**")
        st.markdown("\n".join(told))


def _chosen(name: str, add: Callable[[str], None]) -> None:
    add(name)
    close()


def missing(kind: type[Technique], facts: frozenset[Fact]) -> list[Fact]:
    """What a technique needs, with its default settings, that a model does not have."""
    return sorted(kind().needs_in_all() - facts)


def about(kind: type[Technique]) -> None:
    """The card of a technique: its idea, what it will not do, its costs, when it fails, where it comes from."""
    text = kind.card()
    for name in SECTIONS:
        text = re.sub(rf"^{name}:", f"\n**{name}:**", text, flags=re.MULTILINE)
    head, _, rest = text.partition("\n")
    st.markdown(f"**{head}**\n\n*{kind.effect}*\n{rest}")


def idea(kind: type[Technique]) -> str:
    """The first line of the card: the idea in a sentence."""
    return kind.card().partition("\n")[0]
