"""What holds of every task: it is found by its file, scores average to its metric, and equal outputs never differ."""

import numpy as np
import pytest

from edgekit.core.errors import DataError
from edgekit.core.measurement import METRICS, QUALITIES
from edgekit.tasks import task, tasks
from tests.tasks.maps import boxes, maps_of
from tests.tasks.sentences import labels_of, pairs, said_of

N, CLASSES = 40, 3
LABELS = {name: np.arange(N) % CLASSES if one.classes else np.linspace(-1, 1, N) for name, one in tasks().items()}
PERFECT = {
    name: np.eye(CLASSES)[labels] if tasks()[name].classes else labels[:, None] for name, labels in LABELS.items()
}
LABELS["detection"] = boxes(N, CLASSES)
PERFECT["detection"] = maps_of(LABELS["detection"], CLASSES)
LABELS["translation"] = labels_of([target for _, target in pairs()][:N])
PERFECT["translation"] = said_of(LABELS["translation"])
OUTPUTS = {name: np.random.default_rng(0).normal(size=perfect.shape) for name, perfect in PERFECT.items()}
OUTPUTS["translation"] = said_of(np.random.default_rng(0).integers(50, 500, LABELS["translation"].shape), 0.5)
LABELS["anomaly"] = (np.arange(N) % 3 == 0).astype(np.int64)  # normal or not
PERFECT["anomaly"] = LABELS["anomaly"][:, None].astype(float)
OUTPUTS["anomaly"] = np.random.default_rng(0).normal(size=(N, 1))
GROUPS = {"verification": 3, "anomaly": N // 4}  # scores where there is not one a sample: of people, of blocks

each = pytest.mark.parametrize("name", tasks())


def test_the_tasks_are_these():
    assert list(tasks()) == [
        "agreement",
        "anomaly",
        "classification",
        "detection",
        "random_agreement",
        "regression",
        "translation",
        "verification",
    ]
    with pytest.raises(DataError, match="no task 'clasification'. Did you mean 'classification'?"):
        task("clasification")


@each
def test_a_task_is_called_as_its_file_and_has_a_metric_of_quality(name):
    assert task(name).id == name
    assert task(name).title
    assert METRICS[task(name).metric].more_is_better
    assert task(name).metric in QUALITIES


@each
def test_one_answer_and_confidence_a_sample_and_one_score_a_sample_or_group(name):
    one, outputs = task(name), OUTPUTS[name]
    truth = one.truth(LABELS[name], outputs)
    for found in (one.answers(outputs), one.meant(one.answers(outputs), truth), one.confidences(outputs)):
        assert len(found) == N
    assert one.confidences(outputs).shape == (N,)
    assert one.right(one.meant(one.answers(outputs), truth), truth).shape == (N,)
    assert one.batch_score(outputs, truth) == pytest.approx(one.scores(outputs, truth).mean())
    assert one.scores(outputs, truth).shape == (GROUPS.get(name, N),)
    assert one.confidences(outputs).min() >= 0
    assert one.confidences(outputs).max() <= 1


@each
def test_what_is_answered_as_it_is_right_scores_one(name):
    one, labels, perfect = task(name), LABELS[name], PERFECT[name]
    assert one.scores(perfect, one.truth(labels, perfect)).mean() == 1
    answers = one.meant(one.answers(perfect), one.truth(labels, perfect))
    if name != "anomaly":  # whose answers are the oddest few, however many there are
        assert one.right(answers, one.truth(labels, perfect)).all()
    assert one.scores(OUTPUTS[name], labels).mean() < 1


@each
def test_equal_answers_never_differ_and_far_ones_do(name):
    one, answers = task(name), task(name).answers(OUTPUTS[name])
    assert not one.differ(answers, answers, LABELS[name]).any()
    assert one.differ(answers, answers + 1, LABELS[name]).all()


@each
def test_further_metrics_are_known_ones_with_their_intervals(name):
    more = task(name).more(OUTPUTS[name], LABELS[name], "all of them")
    chosen_on = OUTPUTS[name][::-1], LABELS[name]
    more |= task(name).with_chosen(chosen_on, OUTPUTS[name], LABELS[name], "all of them")
    for metric, found in more.items():
        assert metric == found.metric
        assert METRICS[metric].title
        assert found.low <= found.value <= found.high
