"""A picture with boxes drawn into it: an answer's are green if right and red if not; missed ones are dashed."""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from edgekit.core.run import Answer
from edgekit.data.catalog import Entry
from edgekit.tasks.detection import judged
from edgekit.ui.sample import picture

RIGHT, WRONG, MISSED = "#12B76A", "#F04438", "#F5B301"
LINE, DASH, TEXT = 2, 6, 22  # of the picture, which has twice the pixels that it is shown with
LEGEND = "Boxes in green are right, in red wrong; a dashed one was missed."


def show(raw: np.ndarray, about: Entry, answer: Answer, label: Answer, *, alt: str, width: int) -> None:
    """Draw an answer into its sample.

    Args:
        answer, label: boxes as `edgekit.tasks.detection` has them.
        width: in pixels.
    """
    st.image(drawn(raw, about, answer, label, width), width=width, alt=alt)


def drawn(raw: np.ndarray, about: Entry, answer: Answer, label: Answer, width: int) -> Image.Image:
    """The picture, twice as wide as it is shown, with the name of its class in each box."""
    image = picture(raw, width).convert("RGB")
    right, wrong, missed = judged(answer, label)
    for boxes, colour in ((missed, MISSED), (wrong, WRONG), (right, RIGHT)):
        for box in boxes:
            _draw(image, box, colour, about.classes[int(box[4])], dashed=colour == MISSED)
    return image


def _draw(image: Image.Image, box: np.ndarray, colour: str, name: str, dashed: bool) -> None:
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = (box[:4] * np.tile(image.size, 2)).round().astype(int).tolist()
    if dashed:
        for x in range(left, right, 2 * DASH):
            for y in (top, bottom - LINE):
                pen.rectangle((x, y, min(x + DASH, right), y + LINE - 1), fill=colour)
        for y in range(top, bottom, 2 * DASH):
            for x in (left, right - LINE):
                pen.rectangle((x, y, x + LINE - 1, min(y + DASH, bottom)), fill=colour)
        return
    pen.rectangle((left, top, right, bottom), outline=colour, width=LINE)
    inside = top + LINE if top < TEXT else top - TEXT  # above the box, or in it where there is no room
    pen.text((left + LINE, inside), name, fill=colour, font_size=TEXT - 2, stroke_width=2, stroke_fill="white")
