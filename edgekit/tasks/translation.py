"""What does a text say in another language? A file writes it, a piece at a time, and is held against a reference.

A network is given a source and its translation so far, and puts out how likely each piece is to come next (see
core/preprocessing.py's TextPairs). A file is run greedily: the likeliest piece is written, and the file runs again,
until it writes the last piece or no place is left. What it says is scored by BLEU, the geometric mean of the shares of
1 to 4 words in a row that the reference has too, times a penalty for being short (Papineni et al. 2002, ACL), from 0 to
1, as sacreBLEU counts it (Post 2018, "A Call for Clarity in Reporting BLEU Scores", arXiv:1804.08771).

BLEU is of all texts together, not a mean: so there is one score a text, a centred jackknife pseudo-value, whose mean is
the BLEU of all and whose bootstrap stands for one over texts (Koehn 2004, "Statistical Significance Tests for Machine
Translation Evaluation", EMNLP, draws the texts themselves). Token accuracy is the share of pieces that a file would
write rightly if all those before were right.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.core import byte_pairs
from edgekit.core.interval import bootstrap_mean, pseudo_values
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.task import Task

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU
    from torch import Tensor

    from edgekit.core.task import Sizes

SAID, SURE, NEXT = range(3)  # what `run` gives of every place
COLUMNS = 3
ORDERS = 4  # words in a row, at most
SMOOTHING = 0.1  # of labels: Vaswani et al. 2017, arXiv:1706.03762, section 5.4
OVERFLOWED = -1e4  # a logit that is no number, as a network in FP16 may put out


class Translation(Task):
    """See the module docstring. Labels are (n, T) pieces with the last one, and padding behind it.

    Outputs of a pass are logits (n, T, pieces), zeros where nothing was asked; what `run` makes of them is (n, T, 3):
    the piece said, the logarithm of its probability, and the piece that would come next after the reference.
    """

    title, metric, classes, per_class, writes = "Translation", "bleu", False, False, True
    sure = "how probable a file finds what it says, the geometric mean over its pieces"

    in_code = 'task("translation").said(task("translation").answers(outputs)[0], ())'
    decoding = "decoded greedily, a pass for each piece"

    @property
    def scoring(self) -> str:
        """Tokenizer, case and version, as papers give them."""
        return f"sacreBLEU {importlib.metadata.version('sacrebleu')} with 13a and mixed case"

    def outputs(self, classes: int) -> int:
        """Of each place one number a piece."""
        return byte_pairs.ENGLISH_FRENCH_PIECES

    def asked(self, sizes: Sizes, title: str, classes: int) -> str:
        if sizes is not None and len(sizes) == 3:
            return ""
        return (
            f"of {title}, the first output must say of each place how likely each piece comes next, (batch, places, "
            "pieces)"
        )

    def run(self, once: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray) -> np.ndarray:
        """Greedy decoding, (n, T, 3), and where there is a reference, one pass more that is given it."""
        length = inputs.shape[1] // 2
        found = np.zeros((len(inputs), length, COLUMNS), np.float32)
        rows, start = inputs.copy(), length + 1
        if (rows[:, start:] != byte_pairs.PAD).any():
            found[..., NEXT] = once(inputs).argmax(-1)
            rows[:, start:] = byte_pairs.PAD
        going = np.arange(len(rows))
        for place in range(length):
            logits = np.nan_to_num(once(rows[going])[:, place].astype(np.float64), nan=OVERFLOWED)  # (going, pieces)
            said = logits.argmax(-1)
            found[going, place, SAID] = said
            found[going, place, SURE] = -np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1))
            on = said >= len(byte_pairs.SPECIALS)
            going = going[on]
            if not len(going) or place == length - 1:
                break
            rows[going, start + place] = said[on]
        return found

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The pieces said, (n, T), 0 behind the last; of the logits of one pass the likeliest ones."""
        said = (outputs[..., SAID] if outputs.shape[-1] == COLUMNS else outputs.argmax(-1)).astype(np.int64)
        ends = said < len(byte_pairs.SPECIALS)
        return np.where(np.cumsum(ends, 1) - ends > 0, byte_pairs.PAD, said)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        said = self.answers(outputs) != byte_pairs.PAD  # (n, T)
        sums = np.where(said, outputs[..., SURE], 0).sum(1, dtype=np.float64)
        return np.exp(sums / np.maximum(said.sum(1), 1))

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        counts = _counts(_texts(self.answers(outputs)), _texts(labels))
        whole = counts.sum(0)
        return pseudo_values(_bleu(whole), np.array([_bleu(whole - own) for own in counts]))

    def batch_score(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """BLEU of what is likeliest after the right pieces."""
        return _bleu(_counts(_texts(self.answers(outputs)), _texts(labels)).sum(0))

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Cross-entropy with smoothed labels, over all pieces and not the padding."""
        from edgekit.tasks._losses import of_pieces

        return of_pieces(outputs, labels, byte_pairs.PAD, SMOOTHING, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far the probabilities of next pieces are from the teacher's, wherever it was asked.

        They are taken as they are (Kim and Rush 2016, arXiv:1606.07947): softened over thousands of pieces, they say
        nothing any more.
        """
        from edgekit.tasks._losses import softened

        asked = wanted.abs().sum(-1) > 0  # (n, T)
        return softened(outputs[asked], wanted[asked], 1.0)

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """By what they say: a text can be cut into pieces in several ways."""
        return np.array([one != other for one, other in zip(_texts(before), _texts(after), strict=True)], bool)

    def said(self, answer: Any, classes: Sequence[str]) -> str:
        return byte_pairs.text(answer) or "(nothing)"

    def more(self, outputs: np.ndarray, labels: np.ndarray, how: str) -> dict[str, Measurement]:
        """Token accuracy."""
        asked = labels != byte_pairs.PAD
        counts = np.stack([((outputs[..., NEXT] == labels) & asked).sum(1), asked.sum(1)], 1).astype(np.float64)
        whole, rest = counts.sum(0), counts.sum(0) - counts
        share = bootstrap_mean(pseudo_values(whole[0] / whole[1], rest[:, 0] / np.maximum(rest[:, 1], 1)))
        found = Measurement(
            metric="token_accuracy", value=share.value, low=max(share.low, 0.0), high=min(share.high, 1.0),
            origin=Origin.MEASURED, how=f"{how}, each piece after the right ones, bootstrap interval over texts",
        )  # fmt: skip
        return {found.metric: found}


def _texts(pieces: np.ndarray) -> list[str]:
    return [byte_pairs.text(row) for row in pieces]


def _counts(said: Iterable[str], wanted: Iterable[str]) -> np.ndarray:
    """(n, 2 · ORDERS + 2): 1 to 4 words in a row that the reference has too, all that there are, and both lengths."""
    found = [_scorer().sentence_score(one, [other]) for one, other in zip(said, wanted, strict=True)]
    return np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found], np.int64)


def _bleu(counts: np.ndarray) -> float:
    """BLEU from 0 to 1 of the texts whose counts these are the sums of."""
    right, of, (said, wanted) = np.split(counts, [ORDERS, 2 * ORDERS])
    found = _scorer().compute_bleu(right.tolist(), of.tolist(), int(said), int(wanted))
    return min(found.score / 100, 1.0)  # of equal texts it is a hair more


@functools.cache
def _scorer() -> BLEU:
    from sacrebleu.metrics import BLEU

    return BLEU(effective_order=True)  # only so that it does not warn: the counts are the same
