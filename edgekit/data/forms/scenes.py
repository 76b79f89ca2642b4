"""Scenes to find things in: MNIST digits of many sizes and shades on textured grounds, each with its box.

Composed from the `mnist` data set, whose arrays these forms take for files. Every scene is made with whole numbers and
the raw ones of a seeded PCG64 alone, which no version of numpy and no processor changes; the only division with a
remainder, that of boxes by the side of a scene, is exactly rounded everywhere (IEEE 754). No digit is in two scenes:
test scenes hold digits of the test set, and validation scenes digits that no training scene has.
"""

from pathlib import Path

import numpy as np

from edgekit.core.progress import Progress, each

SIDE, MOST = 96, 6  # pixels; digits in a scene
SIZES = (14, 36)  # pixels of a digit's longer side
SCENES = {"validation": 1_000, "training": 10_000, "test": 1_500}
FOR_VALIDATION = 5_000  # the first training digits
INK = 64  # from this value on, a pixel of MNIST belongs to the digit
NARROWEST = (2, 5)  # of a box: its width over its height
OVERLAP = 10  # a digit may cover at most a tenth of another's box, and the other way round
TRIES = 30  # places that are tried for a digit before it is left out
CONTRAST = 80  # between a digit and the mean of the ground under it
COARSE = (3, 4, 6, 8, 12, 16)  # patches a side of smoothed noise
NOTHING = -1.0  # in the rows that a scene with fewer digits leaves


def digit_scenes(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """Scenes uint8 (n, 96, 96, 1); boxes float32 (n, 6, 5): left, top, right, bottom and class of each digit.

    Boxes are shares of the side, from the left and from the top; rows without a digit hold NOTHING. Classes are whole
    numbers, as floats.
    """
    pixels, labels, test_pixels, test_labels = (np.load(file, mmap_mode="r")[:] for file in files)
    held = {
        "validation": (pixels[:FOR_VALIDATION], labels[:FOR_VALIDATION]),
        "training": (pixels[FOR_VALIDATION:], labels[FOR_VALIDATION:]),
        "test": (test_pixels, test_labels),
    }
    drawn = {part: _Draws(seed) for seed, part in enumerate(SCENES)}
    orders = {part: drawn[part].order(len(held[part][1])).tolist() for part in SCENES}
    made: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {part: [] for part in SCENES}
    jobs = [part for part, count in SCENES.items() for _ in range(count)]
    for part in each(jobs, progress, lambda part: f"Composing {part} scenes"):
        made[part].append(_scene(*held[part], orders[part], drawn[part]))
    scenes, boxes = ({part: np.stack([one[which] for one in some]) for part, some in made.items()} for which in (0, 1))
    return [
        np.concatenate([scenes["validation"], scenes["training"]]),
        np.concatenate([boxes["validation"], boxes["training"]]),
        scenes["test"],
        boxes["test"],
    ]


class _Draws:
    """Random whole numbers, from what of PCG64 stays the same forever: its raw 64 bits (NEP 19)."""

    def __init__(self, seed: int):
        self.bits = np.random.PCG64(seed)

    def below(self, bound: int) -> int:
        """One of 0 … bound − 1."""
        return int(self.bits.random_raw() % bound)

    def between(self, low: int, high: int) -> int:
        """One of low … high."""
        return low + self.below(high - low + 1)

    def many(self, bound: int, *shape: int) -> np.ndarray:
        """int64 of that shape, each one of 0 … bound − 1."""
        return (self.bits.random_raw(int(np.prod(shape))) % np.uint64(bound)).astype(np.int64).reshape(shape)

    def order(self, n: int) -> np.ndarray:
        """0 … n − 1, shuffled."""
        return np.argsort(self.bits.random_raw(n), kind="stable")


def _scene(pixels: np.ndarray, labels: np.ndarray, order: list[int], draw: _Draws) -> tuple[np.ndarray, np.ndarray]:
    """One scene and its boxes, of the next digits in `order`, which are taken off its end."""
    canvas = _ground(draw)  # (96, 96)
    boxes = np.full((MOST, 5), NOTHING, np.float32)
    taken: list[tuple[int, int, int, int]] = []
    for _ in range(draw.between(1, MOST)):
        ink = _scaled(_cut(pixels[order[-1], ..., 0]), draw.between(*SIZES))  # (height, width)
        place = _free(ink.shape, taken, draw)
        if place is None:
            continue
        left, top, right, bottom = place
        under = canvas[top:bottom, left:right]
        under[:] = (under * (255 - ink) + _shade(int(under.sum()) // under.size, draw) * ink) // 255
        boxes[len(taken), :4] = np.array(place, np.float32) / np.float32(SIDE)
        boxes[len(taken), 4] = labels[order.pop()]
        taken.append(place)
    canvas += draw.many(17, SIDE, SIDE) - 8  # the noise of a sensor
    return np.clip(canvas, 0, 255).astype(np.uint8)[..., None], boxes


def _ground(draw: _Draws) -> np.ndarray:
    """A texture, int64 (96, 96): smoothed noise, a gradient or stripes, around a brightness of its own."""
    middle, swing = draw.between(40, 215), draw.between(10, 40)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    kind = draw.below(3)
    if kind == 0:
        side = COARSE[draw.below(len(COARSE))]
        pattern = _resized(draw.many(256, side, side), SIDE, SIDE)
    else:
        along = draw.between(-4, 4) * rows + draw.between(-4, 4) * columns
        along -= along.min()
        if kind == 1:
            pattern = along * 255 // max(int(along.max()), 1)
        else:
            period = draw.between(16, 96)
            pattern = abs(along % (2 * period) - period) * 255 // period  # up and down again
    return middle + (pattern - 128) * swing // 128


def _shade(under: int, draw: _Draws) -> int:
    """The brightness of a digit: at least CONTRAST away from the ground, on either side where there is room."""
    sides = [(low, high) for low, high in ((0, under - CONTRAST), (under + CONTRAST, 255)) if low <= high]
    return draw.between(*sides[draw.below(len(sides))])


def _cut(digit: np.ndarray) -> np.ndarray:
    """The part of a digit (28, 28) that holds ink; the narrow ones with what it takes beside them, left and right."""
    rows, columns = (np.flatnonzero((digit >= INK).any(axis)) for axis in (1, 0))
    part = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.int64)
    missing = max(0, -(-part.shape[0] * NARROWEST[0] // NARROWEST[1]) - part.shape[1])
    return np.pad(part, ((0, 0), (missing // 2, missing - missing // 2)))


def _scaled(ink: np.ndarray, longest: int) -> np.ndarray:
    """Scaled so that the longer side has that many pixels."""
    height, width = ink.shape
    most = max(height, width)
    return _resized(ink, max(1, height * longest // most), max(1, width * longest // most))


def _resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear interpolation in 256ths of a pixel, of whole numbers (h, w) to (height, width)."""
    (above, below, down), (left, right, across) = (
        _between(has, wanted) for has, wanted in zip(values.shape, (height, width), strict=True)
    )
    down = down[:, None]
    upper, lower = (values[row][:, left] * (256 - across) + values[row][:, right] * across for row in (above, below))
    return (upper * (256 - down) + lower * down) >> 16


def _between(has: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `wanted` pixels, the two of `has` beside its middle, and how near the second is, in 256ths."""
    middle = np.clip((2 * np.arange(wanted) + 1) * has * 128 // wanted - 128, 0, (has - 1) * 256)
    first = middle >> 8
    return first, np.minimum(first + 1, has - 1), middle & 255


def _free(
    shape: tuple[int, int], taken: list[tuple[int, int, int, int]], draw: _Draws
) -> tuple[int, int, int, int] | None:
    """A place (left, top, right, bottom) for a digit that hardly covers another; None where none was found."""
    height, width = shape
    for _ in range(TRIES):
        left, top = draw.below(SIDE - width + 1), draw.below(SIDE - height + 1)
        place = (left, top, left + width, top + height)
        if all(_covers_little(place, other) for other in taken):
            return place
    return None


def _covers_little(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width <= 0 or height <= 0 or width * height * OVERLAP <= least
