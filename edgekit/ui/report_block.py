"""What to hand to others about a run: the report, the script that makes its file again, and its model card."""

from functools import partial

import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.run import Run
from edgekit.show.naming import file_name
from edgekit.store.store import Store
from edgekit.ui.header import budget_of_session


def report_block(
    run: Run,
    store: Store,
    budget: Budget | None = None,
    *,
    key: str = "report",
) -> None:
    """Three buttons, each of which makes its file when it is pressed.

    Args:
        budget: what the report holds the run against; by default the one that stood on the last page that asks for one.
        key: begins the keys of the buttons, for pages that have the block twice.
    """
    name, budget = file_name(run).removesuffix(".onnx"), budget or budget_of_session()
    kinds = (
        ("Report", "summarize", f"{name}.html", "text/html", partial(_report, run, store, budget),
         "One HTML file for people who do not read code. It needs no network and prints well."),
        ("Script", "replay", "reproduce.py", "text/x-python", partial(_script, run),
         "Python that makes this file again, and says whether it came out the same."),
        ("Model card", "id_card", "README.md", "text/markdown", partial(_card, run),
         "The README of a Hugging Face repository, with the results for machines to read."),
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for label, icon, file, kind, make, help in kinds:
            st.download_button(
                label, make, file, kind, icon=f":material/{icon}:", key=f"{key}-{label.split()[0].lower()}", help=help,
                on_click="ignore",
            )  # fmt: skip


def _report(run: Run, store: Store, budget: Budget) -> str:
    from edgekit.report.device import elsewhere
    from edgekit.report.page import html

    return html(run, store, budget, devices=elsewhere(run, store))


def _script(run: Run) -> str:
    from edgekit.report.reproduce import script

    return script(run)


def _card(run: Run) -> str:
    from edgekit.report.model_card import model_card

    return model_card(run)
