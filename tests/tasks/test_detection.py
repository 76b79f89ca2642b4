"""Detection against what can be worked out by hand, and against pycocotools' own average precision."""

import contextlib
import io

import numpy as np
import pytest
import torch

from edgekit.tasks._boxes import FINE, NOTHING, THRESHOLDS, Matched, decoded, found, overlaps, present
from edgekit.tasks._detection_losses import _assigned, _decoded, _middles
from edgekit.tasks.detection import GROUPS, Detection, by_group
from tests.tasks.maps import SURE, boxes, maps_of

TASK = Detection()
N, CLASSES = 120, 3


@pytest.fixture(scope="module")
def labels():
    return boxes(N, CLASSES)


@pytest.fixture(scope="module")
def guessed(labels):
    """Maps that are right in about half: boxes that moved, wrong classes, missed and invented ones, all unsure."""
    random = np.random.default_rng(1)
    moved = labels.copy()
    there = present(moved)
    moved[..., :4] += np.where(there[..., None], random.normal(0, 0.02, (*there.shape, 4)), 0)
    wrong = there & (random.random(there.shape) < 0.2)
    moved[wrong, 4] = (moved[wrong, 4] + 1) % CLASSES
    moved[there & (random.random(there.shape) < 0.1)] = NOTHING
    maps = maps_of(moved, CLASSES)
    return np.where(maps == SURE, random.normal(1, 2, maps.shape), maps)


def one(*rows):
    """The boxes of a single image, (1, k, 6), or (1, k, 5) without scores."""
    return np.array([rows], float)


def test_a_cell_that_says_nothing_of_distance_reaches_one_cell_to_each_side():
    box = decoded(np.zeros((1, 5, 2, 4)))[0, :, 1, 2]  # the second of two rows, the third of four columns
    assert box == pytest.approx([0.625 - 0.25, 0.75 - 0.5, 0.625 + 0.25, 0.75 + 0.5])


def test_a_step_of_the_map_is_a_fourth_root_of_e_and_each_side_has_its_own():
    maps = np.zeros((1, 5, 1, 1))
    maps[0, :4, 0, 0] = FINE * np.log([0.1, 0.2, 0.3, 0.4])
    assert decoded(maps)[0, :, 0, 0] == pytest.approx([0.4, 0.3, 0.8, 0.9])


def test_torch_decodes_what_numpy_does(guessed):
    boxes = _decoded(torch.from_numpy(guessed)).swapaxes(1, 2).reshape(N, 4, 12, 12)
    assert np.abs(boxes.numpy() - decoded(guessed)).max() < 1e-5


def test_codes_of_8_bits_for_the_whole_map_move_a_box_by_one_percent_at_most(labels):
    step = 18 / 255  # of logits from −12 to 6
    before, after = (decoded(maps) for maps in (maps_of(labels, 3), maps_of(labels, 3) + step / 2))
    sides = before[:, 2:] - before[:, :2]
    assert (np.abs(after - before) / np.concatenate([sides, sides], 1)).max() < 0.01


def test_of_boxes_of_one_class_that_overlap_by_more_than_half_the_surest_stays():
    maps = np.full((1, 6, 4, 4), -9.0)
    maps[0, :4] = FINE * np.log(1.5)  # 3 × 3 cells around each: neighbours share half of what both cover
    maps[0, 4, 1, 1:3] = 2.0, 3.0  # beside each other, of one class: the second is surer
    maps[0, 4, 2, 2] = 2.5  # below that one
    maps[0, 4, 3, 0] = 1.0  # far from both
    assert present(found(maps)).sum() == 4
    maps[0, :4] = FINE * np.log(2)  # 4 × 4: now three fifths
    kept = found(maps)[0]
    kept = kept[present(kept)]
    assert kept[:, 5] == pytest.approx(1 / (1 + np.exp(-np.array([3.0, 1.0]))))
    maps[0, 5, 1, 1] = 2.2  # that cell is of the other class now
    assert sorted(found(maps)[0, :4, 4].tolist()) == [NOTHING, 0, 0, 1]


def test_cells_that_overflowed_are_no_boxes_and_no_error():
    maps = maps_of(boxes(2, 3), 3)
    maps[0], maps[1, :4] = np.nan, np.inf
    assert not present(found(maps)[0]).any()
    assert np.isfinite(found(maps)).all()
    assert np.isfinite(TASK.confidences(maps)).all()


def test_overlap_is_that_of_two_squares_worked_by_hand():
    a, b = one([0, 0, 0.2, 0.2, 1]), one([0.1, 0, 0.3, 0.2, 2], [NOTHING] * 5)
    assert overlaps(a, b) == pytest.approx(np.array([[[1 / 3, 0]]]))
    assert overlaps(a, b, same_class=True).max() == 0


def test_perfect_boxes_have_a_precision_of_one_and_no_boxes_of_none(labels):
    perfect, nothing = maps_of(labels, CLASSES), np.full((N, 4 + CLASSES, 12, 12), -SURE)
    assert (TASK.scores(perfect, labels) == 1).all()
    assert (TASK.scores(nothing, labels) == 0).all()
    assert TASK.more(perfect, labels, "all")["map_strict"].value == 1
    assert TASK.right(TASK.answers(perfect), labels).all()


def test_precision_worked_by_hand():
    """Two true boxes; the surest found one is right, the next one wrong, the third right: 1 up to a recall of a half,
    then two thirds."""
    labels = one([0, 0, 0.2, 0.2, 0], [0.5, 0.5, 0.7, 0.7, 0])
    guesses = one([0, 0, 0.2, 0.2, 0, 0.9], [0.3, 0.3, 0.4, 0.4, 0, 0.8], [0.5, 0.5, 0.7, 0.7, 0, 0.7])
    assert Matched(guesses, labels).precision() == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_average_precision_is_that_of_pycocotools_at_every_overlap(guessed, labels):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def listed(rows):
        places = np.argwhere(rows[..., 4] >= 0)
        return [
            {"id": n + 1, "image_id": int(i), "category_id": int(rows[i, k, 4]), "iscrowd": 0, "area": 1.0,
             "bbox": [*rows[i, k, :2], *(rows[i, k, 2:4] - rows[i, k, :2])], "score": float(rows[i, k, -1])}
            for n, (i, k) in enumerate(places)
        ]  # fmt: skip

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        images, names = [{"id": i} for i in range(N)], [{"id": c} for c in range(CLASSES)]
        truth.dataset = {"images": images, "annotations": listed(labels), "categories": names}
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(listed(found(guessed))), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = Matched(found(guessed), labels).precision()
    assert 0.2 < precision[0] < 0.9
    assert precision == pytest.approx(judge.eval["precision"][:, :, :, 0, 2].mean((1, 2)), abs=1e-9)
    assert (precision.mean(), precision[0]) == pytest.approx(tuple(judge.stats[:2]), abs=1e-9)
    assert len(precision) == len(THRESHOLDS)


def test_leaving_images_out_is_the_same_as_never_having_looked_at_them(guessed, labels):
    kept = np.arange(N) % 7 != 3
    left = Matched(found(guessed), labels).precision(kept)
    assert left == pytest.approx(Matched(found(guessed[kept]), labels[kept]).precision())


def test_scores_are_one_a_group_and_their_mean_is_the_metric(guessed, labels):
    scores = TASK.scores(guessed, labels)
    assert scores.shape == (GROUPS,)
    assert scores.mean() == pytest.approx(TASK.batch_score(guessed, labels))
    assert scores.mean() == pytest.approx(Matched(found(guessed), labels).precision()[0])
    assert scores.std() > 0


def test_scores_spread_as_the_metric_does_when_images_are_drawn_again_and_again(guessed, labels):
    random, boxes = np.random.default_rng(0), found(guessed)
    scores = by_group(Matched(boxes, labels, np.array([0.5])))
    draws = [random.integers(0, N, N) for _ in range(60)]
    drawn = [Matched(boxes[some], labels[some], np.array([0.5])).precision()[0] for some in draws]
    assert scores.std(ddof=1) / np.sqrt(len(scores)) == pytest.approx(np.std(drawn), rel=0.35)


def test_answers_differ_by_a_class_a_place_or_a_box_but_not_by_a_little():
    before = one([0.1, 0.1, 0.3, 0.3, 1, 0.9], [0.5, 0.5, 0.8, 0.8, 2, 0.7], [NOTHING] * 6)
    little, other_class, elsewhere, fewer = (before.copy() for _ in range(4))
    little[0, 0, :4] += 0.02
    little[..., 5] = 0.5
    other_class[0, 0, 4] = 0
    elsewhere[0, 1, [0, 2]] -= 0.3
    fewer[0, 1] = NOTHING
    found = [TASK.differ(before, after, before)[0] for after in (before, little, other_class, elsewhere, fewer)]
    assert found == [False, False, True, True, True]
    assert TASK.differ(fewer, before, before)[0]  # whichever of them has it
    assert TASK.right(little, before[..., :5]).all()


def test_an_answer_is_said_from_left_to_right():
    answer = one([0.5, 0, 0.6, 0.1, 2, 0.9], [0.1, 0.5, 0.2, 0.6, 0, 0.9], [NOTHING] * 6)[0].tolist()
    assert TASK.said(answer, ["zero", "one", "two"]) == "zero · two"
    assert TASK.said([[NOTHING] * 6], ["zero"]) == "nothing"


def test_a_network_is_as_sure_as_of_its_least_certain_box_or_of_there_being_none():
    maps = maps_of(boxes(2, 3, most=1), 3)
    maps[1, 4:] = np.where(maps[1, 4:] == SURE, -2.0, maps[1, 4:])
    assert TASK.confidences(maps) == pytest.approx([1 / (1 + np.exp(-SURE)), 1 - 1 / (1 + np.exp(2.0))])


def test_the_cell_of_a_middle_is_asked_for_its_box_and_the_smaller_of_two_comes_first():
    labels = torch.tensor(one([0, 0, 1, 1, 0], [0.3, 0.3, 0.45, 0.45, 1], [-1] * 5))
    cells = _middles(torch.zeros(1, 5, 4, 4))
    of = _assigned(cells, labels, (4, 4)).reshape(4, 4)
    assert of.tolist() == [[-1, -1, -1, -1], [-1, 1, 0, -1], [-1, 0, 0, -1], [-1, -1, -1, -1]]


def test_the_loss_is_least_for_the_true_boxes_and_leads_there(labels):
    wanted, truth = torch.from_numpy(maps_of(labels, CLASSES)).float(), torch.from_numpy(labels).float()
    far = (wanted + torch.randn(wanted.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    losses = [TASK.loss(maps, truth).item() for maps in (wanted, far, -wanted)]
    assert losses == sorted(losses)
    TASK.loss(far, truth).backward()
    with torch.no_grad():
        assert TASK.loss(far - 0.5 * far.grad / far.grad.norm(), truth) < losses[1]
    assert TASK.loss(far, truth, "sum").item() == pytest.approx(N * losses[1], rel=1e-5)


def test_images_without_anything_can_be_trained_on():
    empty = torch.full((2, 4, 5), NOTHING)
    loss = TASK.loss(torch.zeros(2, 7, 3, 3, requires_grad=True), empty)
    loss.backward()
    assert torch.isfinite(loss)


def test_a_student_that_says_what_its_teacher_does_has_least_to_learn(guessed):
    teacher = torch.from_numpy(guessed).float()
    same, other = TASK.soft_loss(teacher, teacher, 4.0), TASK.soft_loss(teacher.flip(2), teacher, 4.0)
    assert 0 <= same < 0.01 * other


def test_a_student_with_larger_cells_learns_from_the_surest_of_those_that_they_cover(labels):
    teacher, coarse = (torch.from_numpy(maps_of(labels, CLASSES, cells)).float() for cells in (24, 12))
    learned, turned = (TASK.soft_loss(maps, teacher, 4.0) for maps in (coarse, coarse.flip(3)))
    assert learned < 0.01 * turned
