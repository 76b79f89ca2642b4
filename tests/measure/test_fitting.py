"""How a brought file was fed is said in words, and one that answers something else than asked is refused."""

import pytest

from edgekit.core.errors import ModelError
from edgekit.data.catalog import entry
from edgekit.measure.fitting import _check_answers, _in_words, _untried
from edgekit.models.facts import Facts, Port

CIFAR = entry("cifar10")


def facts(*inputs: Port, answers: tuple[int | None, ...] = (None, 10)) -> Facts:
    return Facts(
        inputs=inputs, outputs=(Port(name="logits", dtype="float32", shape=answers),), operators={"Conv": 1}, nodes=1,
        depth=0, params=1, weight_bytes=4, opset=21, quantized=False,
    )  # fmt: skip


PORT = Port(name="x", dtype="float32", shape=(None, 3, 32, 32))


def test_another_number_of_answers_than_classes_is_refused():
    _check_answers(facts(PORT, answers=(None, 10)), CIFAR)
    _check_answers(facts(PORT, answers=(None, None)), CIFAR)
    with pytest.raises(ModelError) as said:
        _check_answers(facts(PORT, answers=(None, 1000)), CIFAR)
    assert str(said.value) == (
        "to tell the 10 classes of CIFAR-10 apart, the first output must have the shape (batch, 10); that of this "
        "file is any × 1000. Choose the data set that it was trained on."
    )


def test_what_boxes_cannot_be_read_from_is_refused():
    scenes = entry("digit-scenes")
    _check_answers(facts(PORT, answers=(None, 14, 12, 12)), scenes)
    with pytest.raises(ModelError) as said:
        _check_answers(facts(PORT, answers=(None, 144, 14)), scenes)
    assert str(said.value) == (
        "to find the 10 classes of Digit scenes, the first output must be a map of the shape (batch, 14, rows, "
        "columns), as edgekit/tasks/_boxes.py reads it, without the part that makes boxes of maps; that of this file "
        "is any × 144 × 14. Choose the data set that it was trained on."
    )
    assert _in_words("0 to 1", {"0 to 1": 0.9}, 200, scenes) == (
        "Fed as “0 to 1”: 90 % mAP@0.5 (mean average precision) on 200 validation samples."
    )


def test_answers_near_chance_are_said_to_be():
    assert _in_words("0 to 1", {"0 to 1": 0.75, "−1 to 1": 0.2}, 200, CIFAR) == (
        "Fed as “0 to 1”: 75 % of 200 validation samples are right; 20 % as “−1 to 1”."
    )
    assert _in_words("0 to 1", {"0 to 1": 0.15}, 200, CIFAR) == (
        "Fed as “0 to 1”: 15 % of 200 validation samples are right. That is near chance: is this the data "
        "set it was trained on, and are the classes in the same order?"
    )


def test_of_two_classes_most_answers_right_is_not_near_chance():
    two = CIFAR.model_copy(update={"classes": ("bad", "good")})
    assert _in_words("as it is", {"as it is": 0.9}, 200, two).endswith("are right.")
    assert "near chance" in _in_words("as it is", {"as it is": 0.54}, 200, two)


def test_what_guessing_gives_and_what_a_share_means_follow_from_the_task():
    faces, series = entry("orl-faces"), entry("internal-bleeding")
    assert _in_words("0 to 1", {"0 to 1": 0.9}, 200, faces) == (
        "Fed as “0 to 1”: 90 % Verification (1 − equal error rate) on 200 validation samples."
    )
    assert "near chance" in _in_words("0 to 1", {"0 to 1": 0.52}, 200, faces)
    assert _in_words("as it is", {"as it is": 0.52}, 200, series) == (
        "Fed as “as it is”: 52 % of 200 validation samples, which are normal, is rebuilt."
    )


def test_without_labels_nothing_tells_the_right_scaling_and_that_is_said():
    assert _untried("0 to 1", ["0 to 1", "−1 to 1"], CIFAR) == (
        "Fed as “0 to 1”: without labels nothing tells whether that is right. Also possible: “−1 to 1”."
    )
