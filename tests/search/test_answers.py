"""Answers of runs that were scored on different parts of one test set line up by sample."""

import numpy as np

from edgekit.data.splits import load
from edgekit.search.answers import answers, in_common
from edgekit.store.store import Store
from tests.factories import a_run


def test_parts_of_a_test_set_are_lined_up_by_sample():
    whole = load("fashion-mnist").evaluation
    some, fewer = whole.take(500), whole.take(100)
    parts = [(s, np.stack([s.indices, s.labels], 1)) for s in (whole, some, fewer)]
    indices, labels, outputs = in_common(parts)
    assert sorted(indices) == sorted(fewer.indices)
    assert labels.tolist() == whole.labels[indices].tolist()
    for output in outputs:
        assert output[:, 0].tolist() == indices.tolist()
        assert output[:, 1].tolist() == labels.tolist()


def test_answers_that_were_kept_are_not_computed_again(home):
    evaluation = load("fashion-mnist").evaluation.take(100)
    run, kept = a_run(samples=100), np.random.default_rng(0).normal(size=(100, 10)).astype(np.float32)
    with Store.open(home) as store:
        store.put_array(f"{run.artifact.sha256}-{evaluation.key}", kept)
        samples, found = answers(run, store)
    assert samples.key == evaluation.key
    assert found.tolist() == kept.tolist()
