"""One sample as a person can look at it, or listen to it: a picture, a sound, a text, a line over time, or numbers."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from edgekit.core.text import asked
from edgekit.data.catalog import Entry

SHOWN = 6  # numbers of a row
LINES = 4  # features of a series
LETTERS = 240  # of a text


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


def picture(pixels: np.ndarray, side: int) -> Image.Image:
    """An image of (height, width, 1 or 3) uint8, for twice `side`; small ones keep their pixels square."""
    array = np.asarray(pixels)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    factor = 2 * side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR)


def lines(series: np.ndarray) -> go.Figure:
    """The first features of a series (steps, features) over time."""
    figure = go.Figure([go.Scatter(y=series[:, number], mode="lines") for number in range(min(series.shape[1], LINES))])
    figure.update_layout(height=70, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)


def beginning(text: str) -> str:
    """The first words of a text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= LETTERS else words[:LETTERS].rsplit(" ", 1)[0] + " …"


def numbers(values: np.ndarray) -> str:
    """The first few numbers of a sample: "5.1, 3.5, 1.4, 0.2"."""
    flat = values.reshape(-1)
    return ", ".join(f"{value:.3g}" for value in flat[:SHOWN]) + (" …" if flat.size > SHOWN else "")
