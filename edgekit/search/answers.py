"""What the file of a run answers on its test samples: kept from when it was measured, else computed once more."""

import functools
from collections.abc import Sequence

import numpy as np

from edgekit.core.progress import Progress, silent
from edgekit.core.run import Run
from edgekit.data.splits import Samples, load
from edgekit.library import card
from edgekit.store.store import Store


def answers(run: Run, store: Store, progress: Progress = silent) -> tuple[Samples, np.ndarray]:
    """The test samples of a finished run and its file's outputs on them, (n, classes).

    Raises:
        DataError: the data set is not on this machine.
        StoreError: the file was removed to save space.
    """
    evaluation = load(run.data).evaluation
    samples = evaluation if run.samples >= len(evaluation) else evaluation.take(run.samples)

    def computed() -> np.ndarray:
        from edgekit.measure.outputs import outputs

        return outputs(store.file(run.artifact.sha256), samples, card(run.model).preprocessing, progress)

    return samples, store.array(samples.outputs_key(run.artifact.sha256), computed)


def in_common(parts: Sequence[tuple[Samples, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """The samples that all parts hold, in one order: (indices (n,), labels (n, …), outputs of each part (n, …))."""
    shared = functools.reduce(np.intersect1d, [samples.indices for samples, _ in parts])
    rows = [np.argsort(samples.indices)[np.searchsorted(np.sort(samples.indices), shared)] for samples, _ in parts]
    labels = parts[0][0].labels[rows[0]]
    return shared, labels, [outputs[row] for (_, outputs), row in zip(parts, rows, strict=True)]
