"""The presenter view, ?present=1: five steps in large type, from the original to the report, for an audience.

Page Down and Page Up, which presenters' remotes send too, turn the steps; the arrow keys move the slider. All numbers
are of real runs, and nothing is measured while one speaks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.library import cards
from edgekit.report import story as told
from edgekit.report.recommend import recommended
from edgekit.report.story import Story
from edgekit.search.frontier import frontier
from edgekit.show import charts, words
from edgekit.show.cards import BAD, GOOD
from edgekit.show.cards import cards as before_and_after
from edgekit.show.charts import Point
from edgekit.show.naming import title
from edgekit.store.store import Store
from edgekit.ui import header, headline, look, state
from edgekit.ui.header import Choice
from edgekit.ui.look import View
from edgekit.ui.report_block import report_block

TYPE = "<style>html { font-size: clamp(15px, 1.35vw, 28px) }</style>"  # a theme has one size of type for all pages
HEIGHT, FONT = 350, 18  # of the chart, in pixels
THREE, FEW = 3, 3  # cards in a row or beside the chart: how good, how large, how fast; sentences about what it costs


@dataclass(frozen=True)
class Scene:
    """What all steps are about.

    Attributes:
        files: those along the slider, from small to large.
        run: the file that the address names; else what would be recommended.
    """

    choice: Choice
    view: View
    files: list[Point]
    run: Run
    budget: Budget
    store: Store

    def story(self, run: Run) -> Story:
        """What the sentences are about."""
        return Story(run, self.budget, entry(self.choice.card.data), self.choice.card, self.view.baseline)


def draw() -> None:
    """The step that the address names, with the way to the others below it."""
    st.html(TYPE)
    store, choice = state.store(), _choice()
    view = look.view(choice, look.points(choice, store), store)
    if view.baseline is None:
        st.info("Nothing of this model is measured yet. The Workbench measures it first.", icon=":material/info:")
        _leave("Open the Workbench", "primary")
        return
    names, number = list(STEPS), state.step(len(STEPS))
    st.title(names[number - 1], anchor=False)
    chips, budget = header.ask_budget(choice.card)
    files = _files(view)
    run = view.run if state.selected() else recommended([store.get(point.id) for point in files], budget)
    header.chips(chips, budget, view.baseline if number <= BEFORE else run, view.baseline, choice.card)
    STEPS[names[number - 1]](Scene(choice, view, files, run, budget, store))
    _turn(number, len(names), f"{choice.card.title} on {entry(choice.card.data).title} · {number} of {len(names)}")


def original(scene: Scene) -> None:
    """The network as it came."""
    st.header(scene.choice.card.summary, anchor=False)
    headline.draw(scene.view.baseline, scene.budget, scene.choice.card)


def asked(scene: Scene) -> None:
    """What is wanted of it, and how far from that it is."""
    st.header(told.question(scene.story(scene.run)), anchor=False)
    checks = told.checks(scene.story(scene.view.baseline))
    with st.grid(THREE if len(checks) <= THREE else 2, min_column_width=200, gap="small"):
        for check in checks:
            colour = GOOD if check.held else BAD
            st.metric(check.what, check.found, check.asked, colour, delta_arrow="off", border=True)


def slide(scene: Scene) -> None:
    """The measured files that no smaller one beats, along a slider; the one that it stands on has the halo."""
    sizes = {point.id: words.measured(point.measurements["size_bytes"]) for point in scene.files}
    if len(sizes) > 1:
        key = f"file-{scene.run.id}"  # what is selected elsewhere moves the slider
        st.select_slider(
            "From small to large: each position is a file that was measured", list(sizes), value=scene.run.id,
            format_func=sizes.__getitem__, key=key, on_change=lambda: state.select(st.session_state[key]),
        )  # fmt: skip
    st.header(words.plain(title(scene.run)), anchor=False)
    numbers, chart = st.columns([1, 2], gap="medium", vertical_alignment="center")
    with numbers, st.grid("auto", min_column_width=200, gap="small"):
        for card in before_and_after(scene.run, scene.budget, scene.choice.card)[:THREE]:
            st.metric(card.title, card.value, card.moved, card.verdict, delta_arrow="off")
    with chart:
        _chart(scene.view.points, scene.budget, scene.run.id)


def chosen(scene: Scene) -> None:
    """The file that was settled on: whether it holds the budget, before and after, and what it costs."""
    story = scene.story(scene.run)
    st.header(words.plain(f"{told.verdict(story)}. {told.answer(story)}"), anchor=False)
    headline.draw(scene.run, scene.budget, scene.choice.card)
    st.markdown("\n".join(f"- {words.plain(line)}" for line in told.costs(story)[:FEW]))


def take_home(scene: Scene) -> None:
    """The files for those who were not in the room."""
    st.header("What was shown, how it was measured, and how to make it again", anchor=False)
    report_block(scene.run, scene.store, scene.budget)


STEPS: dict[str, Callable[[Scene], None]] = {
    "The original": original,
    "What is asked of it": asked,
    "Smaller and smaller": slide,
    "The one to take": chosen,
    "To take home": take_home,
}
BEFORE = 2  # steps that are about the original


def _choice() -> Choice:
    """The model and the number of samples that the address names."""
    model = state.named_model(state.model_titles())
    return header.Choice(model, cards()[model], header.SAMPLES.get(state.named("samples") or ""))


def _files(view: View) -> list[Point]:
    """From small to large the files that no smaller one beats, the original, and the selected one."""
    known = [point for point in view.points if point.xy("size_bytes")]
    pairs = [tuple(one.value for one in point.xy("size_bytes")) for point in known]
    best = {known[place].id for place in frontier(pairs, more_is_better=(False, True))}
    best |= {view.baseline.id, view.run.id}
    return sorted((p for p in known if p.id in best), key=lambda p: p.measurements["size_bytes"].value)


def _chart(points: list[Point], budget: Budget, selected: str) -> None:
    figure = charts.pareto(points, "size_bytes", budget=budget, selected=selected)
    figure.update_layout(height=HEIGHT, font={"size": FONT}, legend={"font": {"size": FONT}})
    figure.update_annotations(font_size=FONT - 2)
    alt = f"Quality and size of {len(points)} measured files"
    st.plotly_chart(figure, key="present_chart", config=charts.CONFIG, alt=alt)


def _turn(number: int, last: int, where: str) -> None:
    """Back, where one is with the way out, and next."""
    across = {"horizontal": True, "horizontal_alignment": "distribute", "vertical_alignment": "center"}
    with st.bottom, st.container(**across, key="turn"):
        st.button(
            "Back", icon=":material/arrow_back:", key="back", shortcut="PageUp", disabled=number == 1,
            on_click=state.turn_to, args=(number - 1,),
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            st.caption(words.plain(where), width="content")
            _leave()
        st.button(
            ":primary[**Next**]", icon=":material/arrow_forward:", key="next", shortcut="PageDown",
            disabled=number == last, on_click=state.turn_to, args=(number + 1,),
        )  # fmt: skip


def _leave(label: str = "Leave", kind: Literal["primary", "tertiary"] = "tertiary") -> None:
    icon = ":material/close:" if kind == "tertiary" else None
    st.button(label, icon=icon, key="leave", type=kind, on_click=state.present, args=(False,))
