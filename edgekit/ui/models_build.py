"""A sample model whose weights do not come with EdgeKit: its job, and the button that builds it."""

import streamlit as st

from edgekit.jobs.jobs import Job, jobs
from edgekit.models import samples
from edgekit.models.samples import Card
from edgekit.show import words
from edgekit.ui import actions, state
from edgekit.ui.jobs_view import active, job_panel


def model_gate(name: str) -> bool:
    """Whether the model can be worked with; if it has to be built first, say so and offer that."""
    card = samples.cards().get(name)
    if card is None or samples.is_here(name):
        return True
    with st.container(border=True, horizontal_alignment="center", key="no_model"):
        st.space("small")
        st.subheader(f"{card.title} is built on request", icon=":material/construction:", anchor=False)
        offer(name, card)
        st.space("small")
    return False


def offer(name: str, card: Card) -> None:
    """How large the model is and how long it takes; the button, or the job once it is under way."""
    st.markdown(
        f"Its weights take {words.size(1e6 * card.megabytes)}, too much to come with EdgeKit, so they are trained here "
        f"when they are asked for: about {words.duration(card.retrain_seconds)} on {card.machine}."
    )
    job = _watched(name, card.title)
    if job:
        job_panel(job, on_end=lambda job: _ended(name, job))
    if not active(job):
        st.button(
            f"Build {card.title}", icon=":material/construction:", key=f"build-{name}", on_click=_start,
            args=(name, card.title),
        )  # fmt: skip


def _start(name: str, title: str) -> None:
    st.session_state[f"build-{name}-job"] = actions.build(name, title, state.session()).id


def _watched(name: str, title: str) -> str | None:
    """The job that builds this model: one that any tab has under way, or the last that this tab started."""
    under_way = next((job.id for job in jobs().active() if job.title == actions.building(title)), None)
    return under_way or st.session_state.get(f"build-{name}-job")


def _ended(name: str, job: Job) -> None:
    if job.status == "done":
        st.session_state.pop(f"build-{name}-job", None)
        st.toast("Built and measured.", icon=":material/check_circle:")
