"""The sample models, a card each: how good, how large, on what data, under which licence, and how it was trained."""

import streamlit as st

from edgekit.core.measurement import METRICS, Origin
from edgekit.data.catalog import Entry, entry
from edgekit.models import samples
from edgekit.models.samples import SHAPE_ONLY, Card
from edgekit.show import words
from edgekit.ui import models_build


def model_cards(cards: dict[str, Card]) -> None:
    """All cards in a grid that reflows: three to a row on a desk, one on a phone; the lightest first."""
    with st.grid(3, min_column_width=320, gap="medium"):
        for name, card in sorted(cards.items(), key=lambda item: item[1].macs):
            with st.container(border=True, height="stretch", key=f"model-{name}"):
                _card(name, card)


def _card(name: str, card: Card) -> None:
    about = entry(card.data)
    st.subheader(card.title, anchor=False)
    st.markdown(f":blue-badge[{about.title}] :gray-badge[{card.architecture}]")
    st.markdown(card.summary)
    st.table(_facts(card, about), hide_index=False, border="horizontal", alt=f"Facts about {card.title}")
    if card.shape_only:
        st.markdown(f"**Network:** {card.reference}")
    else:
        _story(name, card, about)
    st.space("stretch")
    if not samples.is_here(name):
        models_build.offer(name, card)
        return
    st.page_link(
        "pages/workbench.py", label="Compress it in the Workbench", icon=":material/tune:", query_params={"model": name}
    )


def _facts(card: Card, about: Entry) -> dict[str, str]:
    facts = {
        "Parameters": words.count(card.params),
        "Multiply-accumulates": f"{words.count(card.macs)} {about.each}",
        "Licence": f"{card.licence}; data: {card.data_licence}",
    }
    if card.shape_only:
        return {"Weights": f"**{SHAPE_ONLY[0].upper()}{SHAPE_ONLY[1:]}**; drawn by seed {card.seed}"} | facts
    good = card.quality
    share, low, high = (words.percent(value, 2) for value in (good.value, good.low, good.high))
    said = f"**{share}**, {low} to {high} on all {good.samples:,} test {about.samples}"
    return {METRICS[good.metric].title: said} | facts


def _story(name: str, card: Card, about: Entry) -> None:
    passes = card.hinted + card.epochs
    epochs = f"{passes} epochs" if passes else "No epoch: the last layer was solved"
    with st.expander("How it was trained, and what to cite", key=f"trained-{name}"):
        st.markdown(
            f"{epochs}, seed {card.seed}, {words.duration(card.retrain_seconds)} on {card.machine}. "
            f"{Origin.MEASURED.value.capitalize()} in float32 on held-out {about.samples}; 95 % interval."
        )
        st.code(card.command, language="sh")
        if card.note:
            st.caption(card.note)
        st.markdown(f"**Network:** {card.reference}  \n**Data:** {card.citation}")
        st.caption(f"sha256 of the weights: `{card.sha256}`")
