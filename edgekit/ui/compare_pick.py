"""Which runs are compared, two to six of them, kept in the address; and the letter and colour that each one wears."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from edgekit.core.measurement import quality
from edgekit.core.run import Run, Status
from edgekit.show import words
from edgekit.show.naming import title
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.ui import state

FEWEST, MOST = 2, 6
OFFERED = 200  # the newest runs in the list; older ones come in through the Runs page
LOOKS = [  # Streamlit's name of a badge colour, and one for charts with a contrast of 3 : 1 on white and on dark
    ("blue", "#2F7DE1"),
    ("orange", "#D9730D"),
    ("green", "#12915A"),
    ("violet", "#9A5CD0"),
    ("red", "#DC4A3F"),
    ("gray", "#7A8594"),
]


@dataclass(frozen=True)
class Contender:
    """A run with what it is called and coloured by on this page."""

    run: Run
    letter: str
    badge: str
    colour: str

    @property
    def name(self) -> str:
        """ "A · Quantize static"."""
        return f"{self.letter} · {title(self.run)}"

    @property
    def mark(self) -> str:
        """The letter in its colour, in Markdown."""
        return f":{self.badge}-badge[{self.letter}]"


def contenders(runs: Sequence[Run]) -> list[Contender]:
    """The runs in order, lettered from A."""
    looks = zip("ABCDEF", LOOKS, strict=True)
    return [Contender(run, letter, *look) for run, (letter, look) in zip(runs, looks, strict=False)]


def pick(store: Store) -> list[Run]:
    """The runs that the address names, at first the newest of the newest model; and a list to add another from."""
    offered = {run.id: run for run in store.list(limit=OFFERED, statuses=[Status.DONE])}
    asked = [name for name in state.all_named("runs") if state.IDENTIFIER.fullmatch(name)]
    if missing := [name for name in asked if name not in offered]:
        offered |= {run.id: run for run in store.list(ids=missing, statuses=[Status.DONE])}
    chosen = list(dict.fromkeys(name for name in asked if name in offered))[:MOST]
    if not state.all_named("runs"):
        chosen = _newest(list(offered.values()))
    st.selectbox(
        "Add a run",
        [name for name in offered if name not in chosen],
        index=None,
        format_func=lambda name: _described(offered[name]) if name in offered else name,
        key="compare_add",
        placeholder="Add another run" if len(chosen) < MOST else f"{MOST} runs are as many as fit",
        disabled=len(chosen) == MOST,
        on_change=_add,
        args=(chosen,),
        width=560,
    )
    return [offered[name] for name in chosen]


def _add(chosen: list[str]) -> None:
    if added := st.session_state.compare_add:
        st.query_params["runs"] = [*chosen, added]
        st.session_state.compare_add = None


def _remove(chosen: list[str], name: str) -> None:
    st.query_params["runs"] = [other for other in chosen if other != name] or ["none"]


def legend(everyone: Sequence[Contender]) -> None:
    """A card a run: what it is called here, what was done to which model, the way back to it, and the way out."""
    chosen = [one.run.id for one in everyone]
    with st.grid(min(len(everyone), 3), min_column_width=260, gap="small"):
        for one in everyone:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"contender-{one.letter}"):
                st.markdown(f"{one.mark} **{title(one.run)}**")
                recipe = f" · {words.recipe(spelled(one.run.recipe))}" if one.run.name else ""
                st.caption(f"{one.run.model}{recipe}")
                st.space("stretch")
                with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                    st.page_link(
                        "pages/workbench.py", label="Open in Workbench", icon=":material/tune:",
                        query_params={"model": one.run.model, "run": one.run.id},
                    )  # fmt: skip
                    st.button(
                        "Remove", icon=":material/close:", type="tertiary", key=f"remove-{one.run.id}",
                        on_click=_remove, args=(chosen, one.run.id),
                    )  # fmt: skip


def _newest(runs: Sequence[Run]) -> list[str]:
    same = [run.id for run in runs if run.model == runs[0].model]
    return (same if len(same) >= FEWEST else [run.id for run in runs])[:3]


def _described(run: Run) -> str:
    good, size = words.measured(quality(run.measurements)), words.measured(run.measurements.get("size_bytes"))
    return f"{title(run)} · {run.model} · {good}, {size}"
