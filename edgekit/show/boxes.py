"""A picture with boxes drawn into it: an answer's are green if right and red if not; missed ones are dashed."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from edgekit.core.run import Answer
from edgekit.data.catalog import Entry
from edgekit.show.pictures import picture
from edgekit.tasks.detection import judged

RIGHT, WRONG, MISSED, EDGE = "#32D583", "#FF6A5E", "#FFC233", "#101828"
LINE, DASH, TEXT = 2, 6, 24  # of the picture, which has twice the pixels that it is shown with
LEGEND = "Boxes in green are right, in red wrong; a dashed one was missed."


def drawn(raw: np.ndarray, about: Entry, answer: Answer, label: Answer, width: int) -> Image.Image:
    """The picture, twice as wide as it is shown, with the name of its class in each box."""
    image = picture(raw, width).convert("RGB")
    pen = ImageDraw.Draw(image)
    right, wrong, missed = judged(answer, label)
    for box in missed:
        _dashed(pen, _corners(box, image))
    for box in wrong:  # around a right one in the same place, and named below it
        left, top, right_side, bottom = _corners(box, image)
        pen.rectangle((left - LINE, top - LINE, right_side + LINE, bottom + LINE), outline=WRONG, width=LINE)
        _name(pen, about.classes[int(box[4])], left, min(bottom + LINE, image.height - TEXT), WRONG)
    for box in right:
        left, top, *_ = corners = _corners(box, image)
        pen.rectangle(corners, outline=RIGHT, width=LINE)
        _name(pen, about.classes[int(box[4])], left, max(top - TEXT, 0), RIGHT)
    return image


def _corners(box: np.ndarray, image: Image.Image) -> tuple[int, ...]:
    """Left, top, right and bottom in pixels."""
    return tuple((box[:4] * np.tile(image.size, 2)).round().astype(int).tolist())


def _name(pen: ImageDraw.ImageDraw, name: str, left: int, top: int, colour: str) -> None:
    pen.text((left, top), name, fill=colour, font_size=TEXT - 2, stroke_width=2, stroke_fill=EDGE)


def _dashed(pen: ImageDraw.ImageDraw, corners: tuple[int, ...]) -> None:
    left, top, right, bottom = corners
    for x in range(left, right, 2 * DASH):
        for y in (top, bottom - LINE):
            pen.rectangle((x, y, min(x + DASH, right), y + LINE - 1), fill=MISSED)
    for y in range(top, bottom, 2 * DASH):
        for x in (left, right - LINE):
            pen.rectangle((x, y, x + LINE - 1, min(y + DASH, bottom)), fill=MISSED)
