"""One sample as a picture, as the beginning of its text, or as its first numbers."""

import numpy as np
from PIL import Image

SHOWN = 6  # numbers of a row
LETTERS = 240  # of a text


def picture(pixels: np.ndarray, side: int) -> Image.Image:
    """An image of (height, width, 1 or 3) uint8, for twice `side`; small ones keep their pixels square."""
    array = np.asarray(pixels)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    factor = 2 * side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR)


def beginning(text: str) -> str:
    """The first words of a text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= LETTERS else words[:LETTERS].rsplit(" ", 1)[0] + " …"


def numbers(values: np.ndarray) -> str:
    """The first few numbers of a sample: "5.1, 3.5, 1.4, 0.2"."""
    flat = values.reshape(-1)
    return ", ".join(f"{value:.3g}" for value in flat[:SHOWN]) + (" …" if flat.size > SHOWN else "")
