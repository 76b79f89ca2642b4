"""Counting answers: against what can be counted by hand."""

import numpy as np
import pytest

from edgekit.core.measurement import Origin
from edgekit.core.run import Disagreements
from edgekit.measure.accuracy import accuracy, confusion, disagreements
from edgekit.store.store import Store
from edgekit.tasks.classification import Classification
from tests.factories import a_run

TASK = Classification()


def test_accuracy_is_the_mean_score_with_wilsons_interval():
    found = accuracy(np.repeat([1.0, 0.0], [81, 182]), "263 test samples")
    assert (found.value, found.low, found.high) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=5e-5)
    assert (found.origin, found.how, found.metric) == (Origin.MEASURED, "263 test samples, Wilson interval", "accuracy")


def test_scores_that_are_not_0_or_1_get_a_bootstrap_interval():
    scores = np.random.default_rng(0).random(400)
    found = accuracy(scores, "400 sentences")
    assert found.low < scores.mean() < found.high
    assert found.how == "400 sentences, bootstrap interval"


def test_disagreements_are_the_samples_whose_answer_changed():
    generator = np.random.default_rng(1)
    before, after = generator.normal(size=(2, 200, 10))
    labels = generator.integers(0, 10, 200)
    found = disagreements(before, after, labels, TASK, limit=5)
    changed = [i for i in range(200) if before[i].argmax() != after[i].argmax()]
    assert (found.count, found.total) == (len(changed), 200)
    assert [example.sample for example in found.examples] == changed[:5]
    first = found.examples[0]
    softmax = np.exp(before[first.sample]) / np.exp(before[first.sample]).sum()
    assert first.before == before[first.sample].argmax()
    assert first.after == after[first.sample].argmax()
    assert first.label == labels[first.sample]
    assert first.before_confidence == pytest.approx(softmax.max())


def test_disagreements_name_samples_by_their_place_in_the_test_set():
    before, after = np.eye(3)[[0, 1, 2]], np.eye(3)[[0, 2, 2]]
    found = disagreements(before, after, np.array([0, 1, 2]), TASK, indices=np.array([70, 80, 90]))
    assert [example.sample for example in found.examples] == [80]


def test_answers_of_many_numbers_are_kept_whole(home):
    class Rows(Classification):
        def answers(self, outputs):
            return outputs.argmax(2)  # (n, 2, classes) -> (n, 2)

        def confidences(self, outputs):
            return np.ones(len(outputs))

    before, after = np.eye(3)[[[0, 1], [2, 2]]], np.eye(3)[[[0, 1], [2, 1]]]
    (example,) = disagreements(before, after, np.array([[0, 0], [2, 1]]), Rows()).examples
    assert (example.sample, example.label, example.before, example.after) == (1, [2, 1], [2, 2], [2, 1])
    run = a_run(disagreements=Disagreements(count=1, total=2, examples=[example]))
    with Store.open(home) as store:
        store.save(run)
        assert store.get(run.id).disagreements.examples == [example]


def test_equal_outputs_disagree_nowhere():
    outputs = np.random.default_rng(2).normal(size=(50, 4))
    found = disagreements(outputs, outputs, np.zeros(50, int), TASK)
    assert (found.count, found.examples) == (0, [])


def test_outputs_that_overflowed_have_no_confidence():
    before, after = np.eye(2)[[0]], np.array([[np.nan, np.inf]])
    (example,) = disagreements(before[:, ::-1], after, np.array([0]), TASK).examples
    assert example.after_confidence == 0


def test_the_rows_of_a_confusion_matrix_are_labels_and_its_columns_answers():
    table = confusion(np.array([0, 1, 1, 2, 1]), np.array([0, 1, 2, 2, 2]), 3)
    assert table == [[1, 0, 0], [0, 1, 0], [0, 2, 1]]
