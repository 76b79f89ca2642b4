"""A picture with boxes drawn into it, on a page."""

import numpy as np
import streamlit as st

from edgekit.core.run import Answer
from edgekit.data.catalog import Entry
from edgekit.show.boxes import LEGEND, drawn

__all__ = ["LEGEND", "show"]


def show(raw: np.ndarray, about: Entry, answer: Answer, label: Answer, *, alt: str, width: int) -> None:
    """Draw an answer into its sample.

    Args:
        answer, label: boxes as `edgekit.tasks.detection` has them.
        width: in pixels.
    """
    st.image(drawn(raw, about, answer, label, width), width=width, alt=alt)
