"""One sample as a person can look at it, or listen to it: a picture, a sound, a text, a line over time, or numbers."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from edgekit.core.text import asked
from edgekit.data.catalog import Entry
from edgekit.show.pictures import beginning, numbers, picture

LINES = 4  # features of a series


def show(raw: np.ndarray, about: Entry, *, key: str, alt: str, width: int) -> None:
    """Draw a raw sample of a data set.

    Args:
        key: unlike that of any other sample on the page.
        alt: says what it is to those who cannot see it.
        width: in pixels, of pictures and lines.
    """
    if about.kind == "image":
        st.image(picture(raw, width), width=width, alt=alt)
    elif about.kind == "sound":
        st.audio(np.asarray(raw), sample_rate=about.rate, width=max(width, 200))
    elif about.kind == "text":
        st.text(beginning(asked(raw)), width=max(width, 220))
    elif raw.ndim == 2:
        st.plotly_chart(lines(raw), key=key, width=max(width, 160), config={"staticPlot": True}, alt=alt)
    else:
        st.markdown(f":small[{numbers(raw)}]")


def lines(series: np.ndarray) -> go.Figure:
    """The first features of a series (steps, features) over time."""
    figure = go.Figure([go.Scatter(y=series[:, number], mode="lines") for number in range(min(series.shape[1], LINES))])
    figure.update_layout(height=70, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)
