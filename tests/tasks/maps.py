"""Maps that say given boxes: the way back from what `edgekit.tasks._boxes` decodes."""

import numpy as np

from edgekit.tasks._boxes import FINE, present

SURE = 9.0  # a logit


def maps_of(labels: np.ndarray, classes: int, cells: int = 12) -> np.ndarray:
    """Maps (n, 4 + classes, cells, cells) that hold each box (n, k, 5) in the cell of its middle, and nothing else."""
    maps = np.full((len(labels), 4 + classes, cells, cells), -SURE)
    for image, place in zip(*np.nonzero(present(labels)), strict=True):
        left, top, right, bottom, name = labels[image, place]
        column, row = int((left + right) / 2 * cells), int((top + bottom) / 2 * cells)
        x, y = (column + 0.5) / cells, (row + 0.5) / cells
        maps[image, :4, row, column] = FINE * np.log(np.array([x - left, y - top, right - x, bottom - y]) * cells)
        maps[image, 4 + int(name), row, column] = SURE
    return maps


def boxes(n: int, classes: int, seed: int = 0, most: int = 4) -> np.ndarray:
    """Boxes (n, most, 5) of random sizes and classes, one in each quarter of a scene at most, at least one in all."""
    random = np.random.default_rng(seed)
    sides = random.uniform(0.15, 0.35, (n, most, 2))
    corner = 0.5 * np.stack([np.arange(most) % 2, np.arange(most) // 2], 1) + random.uniform(0.02, 0.12, (n, most, 2))
    labels = np.concatenate([corner, corner + sides, random.integers(0, classes, (n, most, 1))], 2)
    absent = random.random((n, most)) < 0.3
    absent[:, 0] = False
    labels[absent] = -1
    return labels
