"""Boxes: from a detector's maps to them, which of them are of one thing, and how good all of them are together.

A box is left, top, right and bottom, in shares of the image's sides; with its class and its score it is a row of six.
Only numpy, so that a device could do the same; average precision is counted by pycocotools.
"""

import contextlib
import io
from collections.abc import Iterator

import numpy as np

NOTHING = -1.0  # in rows without a box
FINE = 4.0  # steps of a map per factor of e in distance
CANDIDATES, SAME, LEAST = 32, 0.5, 0.02  # boxes of an image; IoU of two that are of one thing; lowest score
THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the IoU with the true box: those of COCO
RECALLS = np.linspace(0, 1, 101)


def decoded(maps: np.ndarray) -> np.ndarray:
    """The box around each cell, (n, 4, rows, columns), of maps (n, 4 + classes, rows, columns).

    The first four channels are FINE · log(distance / side of a cell) from the middle of the cell to the left, top,
    right and bottom. Logarithms are as far apart as the logits beside them, so both survive codes of 8 bits that they
    share: with logits from −12 to 6, half a step is 1 % of a distance.
    """
    rows, columns = maps.shape[2:]
    y, x = ((np.arange(count) + 0.5) / count for count in (rows, columns))
    far = np.exp(np.clip(maps[:, :4].astype(np.float64) / FINE, -8, 8))  # (n, 4, rows, columns), in cells
    across, down = far[:, 0::2] / columns, far[:, 1::2] / rows  # (n, 2, rows, columns): left and right, top and bottom
    y, x = y[:, None], x[None, :]
    return np.stack([x - across[:, 0], y - down[:, 0], x + across[:, 1], y + down[:, 1]], 1)


def found(maps: np.ndarray) -> np.ndarray:
    """The boxes of each image, (n, CANDIDATES, 6), the surest first; rows without one hold NOTHING.

    A cell is of one class. Of boxes of one class that overlap by more than SAME, only the surest stays (non-maximum
    suppression).
    """
    maps = np.nan_to_num(maps.astype(np.float64), nan=-100, posinf=100, neginf=-100)  # as FP16 may overflow
    logits = maps[:, 4:].reshape(len(maps), maps.shape[1] - 4, -1)  # (n, classes, cells)
    classes, best = logits.argmax(1), logits.max(1)  # (n, cells)
    order = np.argsort(-best, axis=1, kind="stable")[:, :CANDIDATES]  # (n, k)
    boxes = np.take_along_axis(decoded(maps).reshape(len(maps), 4, -1), order[:, None], 2).swapaxes(1, 2)  # (n, k, 4)
    scores = 1 / (1 + np.exp(-np.clip(np.take_along_axis(best, order, 1), -100, 100)))
    classes = np.take_along_axis(classes, order, 1)
    rows = np.concatenate([np.clip(boxes, 0, 1), classes[..., None], scores[..., None]], 2)  # (n, k, 6)
    kept = scores >= LEAST
    alike = overlaps(rows, rows, same_class=True) > SAME  # (n, k, k)
    for place in range(order.shape[1]):
        beaten = alike[:, place] & kept[:, place, None]  # by the box at this place, where it stays
        beaten[:, : place + 1] = False
        kept &= ~beaten
    rows[~kept] = NOTHING
    ranks = np.argsort(~kept, axis=1, kind="stable")[..., None]
    return np.pad(np.take_along_axis(rows, ranks, 1), ((0, 0), (0, CANDIDATES - rows.shape[1]), (0, 0)),
                  constant_values=NOTHING)  # fmt: skip


def present(boxes: np.ndarray) -> np.ndarray:
    """Which rows hold a box, (…, k)."""
    return boxes[..., 4] >= 0


def overlaps(one: np.ndarray, other: np.ndarray, same_class: bool = False) -> np.ndarray:
    """Intersection over union of the boxes of two sets, (n, k, 5 or more) and (n, m, 5 or more): (n, k, m).

    0 where there is no box, or, if so asked, where the classes differ.
    """
    a, b = one[:, :, None], other[:, None]  # (n, k, 1, …), (n, 1, m, …)
    sides = np.minimum(a[..., 2:4], b[..., 2:4]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.clip(sides, 0, None), -1)
    areas = [np.prod(np.clip(box[..., 2:4] - box[..., :2], 0, None), -1) for box in (a, b)]
    found = shared / np.maximum(areas[0] + areas[1] - shared, 1e-12)
    counts = present(a) & present(b) & ((a[..., 4] == b[..., 4]) | (not same_class))
    return np.where(counts, found, 0)


class Matched:
    """Found boxes beside the true ones: matched once by pycocotools, then asked about any part of the images.

    Attributes:
        images: how many there are.
        thresholds: at how many overlaps a found box is right or not.
        classes: of each class that there is: the image of each found box (b,), and whether it is right at each
            threshold (thresholds, b), the surest first; and how many true ones each image has, (images,).
    """

    def __init__(self, boxes: np.ndarray, labels: np.ndarray, thresholds: np.ndarray = THRESHOLDS):
        """
        Args:
            boxes: (n, k, 6), as `found` gives them.
            labels: (n, m, 5): box and class.
        """
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        self.images, self.thresholds, self.classes = len(labels), len(thresholds), {}
        known = np.unique(labels[present(labels)][:, 4]).astype(int).tolist()
        with contextlib.redirect_stdout(io.StringIO()):  # it tells how it is getting on
            sides = []
            for rows in (labels, boxes):
                side = COCO()
                side.dataset = {"images": [{"id": i} for i in range(self.images)], "annotations": _listed(rows),
                                "categories": [{"id": c} for c in known]}  # fmt: skip
                side.createIndex()
                sides.append(side)
            judge = COCOeval(*sides, "bbox")
            judge.params.iouThrs, judge.params.areaRng, judge.params.areaRngLbl = thresholds, [[0, np.inf]], ["all"]
            judge.params.maxDets = [boxes.shape[1]]
            judge.evaluate()
        for place, name in enumerate(known):
            some = [one for one in judge.evalImgs[place * self.images : (place + 1) * self.images] if one]
            scores = np.concatenate([one["dtScores"] for one in some])
            images = np.concatenate([np.full(len(one["dtScores"]), one["image_id"]) for one in some])
            right = np.concatenate([one["dtMatches"] > 0 for one in some], 1)  # (thresholds, b)
            order = np.argsort(-scores, kind="stable")
            true = np.bincount([one["image_id"] for one in some for _ in one["gtIds"]], minlength=self.images)
            self.classes[name] = images[order], right[:, order], true

    def precision(self, kept: np.ndarray | None = None) -> np.ndarray:
        """Mean average precision at each threshold, over the classes that occur, of the images where `kept` (n,).

        That of COCO: the mean over 101 recalls of the best precision at that recall or a higher one.
        """
        means = []
        for right, best, count in self._curves(kept):
            reached = [np.searchsorted(hits / count, RECALLS) for hits in np.cumsum(right, 1)]
            best = np.pad(best, ((0, 0), (0, 1)))  # 0 at recalls that are not reached
            means.append([row[places].mean() for row, places in zip(best, reached, strict=True)])
        return np.mean(means, 0) if means else np.zeros(self.thresholds)

    def area(self, kept: np.ndarray | None = None) -> np.ndarray:
        """The same of the whole curve: the best precision at every recall that there is, not at 101 of them."""
        means = [(right * best).sum(1) / count for right, best, count in self._curves(kept)]
        return np.mean(means, 0) if means else np.zeros(self.thresholds)

    def _curves(self, kept: np.ndarray | None) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Of each class that occurs: rightness of its found boxes and the best precision from there on, both
        (thresholds, b), and how many true ones there are."""
        kept = np.ones(self.images, bool) if kept is None else kept
        for images, right, true in self.classes.values():
            if count := int(true[kept].sum()):
                right = right[:, kept[images]]
                precision = np.cumsum(right, 1) / np.arange(1, right.shape[1] + 1)
                yield right, np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1], count


def _listed(rows: np.ndarray) -> list[dict]:
    """Boxes (n, k, 5 or 6) as COCO has them, numbered from 1."""
    images, places = np.nonzero(present(rows))
    held = rows[images, places].astype(np.float64)
    sides = held[:, 2:4] - held[:, :2]
    return [
        {"id": number + 1, "image_id": int(image), "category_id": int(box[4]), "bbox": [*box[:2], *side], "iscrowd": 0,
         "area": float(side.prod()), "score": float(box[-1])}
        for number, (image, box, side) in enumerate(zip(images, held, sides, strict=True))
    ]  # fmt: skip
