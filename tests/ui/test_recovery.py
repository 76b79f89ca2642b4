"""The curve of accuracy over the epochs that a recipe trained."""

from edgekit.ui import recovery

RECIPE = [{"prune_channels": {"epochs": 2, "rounds": 2}}, {"fine_tune": {"epochs": 2}}]


def point(step: int, epoch: int, score: float, **more) -> dict:
    return {"step": step, "epoch": epoch, "loss": 0.25, "accuracy": 0.9, "validation_accuracy": score} | more


CURVE = [
    point(1, 1, 0.80, round=1, sparsity=0.25), point(1, 2, 0.85, round=1, sparsity=0.25),
    point(1, 3, 0.70, round=2, sparsity=0.5), point(1, 4, 0.80, round=2, sparsity=0.5),
    point(2, 1, 0.82), point(2, 2, 0.86),
]  # fmt: skip


def test_each_step_that_trains_is_a_line_over_the_epochs_of_all():
    lines = recovery.figure(RECIPE, CURVE, "Accuracy").data
    assert [line.name for line in lines] == ["1. prune channels", "2. fine tune"]
    assert [list(line.x) for line in lines] == [[1, 2, 3, 4], [5, 6]]
    assert list(lines[1].y) == [82, 86]


def test_a_hollow_mark_opens_each_round():
    lines = recovery.figure(RECIPE, CURVE, "Accuracy").data
    assert list(lines[0].marker.symbol) == ["circle-open", "circle", "circle-open", "circle"]
    assert set(recovery.figure(RECIPE, CURVE[4:], "Accuracy").data[0].marker.symbol) <= {"circle", "circle-open"}


def test_a_point_tells_what_its_step_told_of_it():
    lines = recovery.figure(RECIPE, CURVE, "Accuracy").data
    assert lines[0].text[2] == "epoch 3, loss 0.25, round 2, sparsity 0.5"
    assert lines[1].text[0] == "epoch 1, loss 0.25"
