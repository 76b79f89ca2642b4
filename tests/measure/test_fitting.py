"""What a brought file takes is read from it, and a data set that does not fit it is refused in words."""

import pytest

from edgekit.core.errors import ModelError
from edgekit.data.catalog import entry
from edgekit.measure.fitting import _check_answers, _image, _in_words, scalings
from edgekit.models.facts import Facts, Port

CIFAR = entry("cifar10")


def facts(*inputs: Port, answers: tuple[int | None, ...] = (None, 10)) -> Facts:
    return Facts(
        inputs=inputs, outputs=(Port(name="logits", dtype="float32", shape=answers),), operators={"Conv": 1}, nodes=1,
        depth=0, params=1, weight_bytes=4, opset=21, quantized=False,
    )  # fmt: skip


def image(*shape: int | None) -> Port:
    return Port(name="x", dtype="float32", shape=shape)


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((None, 3, 32, 32), (None, 3, False)),
        ((1, 3, 224, 224), ((224, 224), 3, False)),
        ((None, 3, None, None), (None, 3, False)),
        ((None, 96, 96, 3), ((96, 96), 3, True)),
        ((None, 1, 28, 28), ((28, 28), 1, False)),
        ((None, 32, 32, 1), (None, 1, True)),
    ],
)
def test_size_channels_and_layout_are_read_from_the_shape(shape, found):
    assert _image(facts(image(*shape)), CIFAR) == found


def test_what_takes_no_images_is_refused_with_what_it_takes():
    words = Port(name="ids", dtype="int64", shape=(None, 128))
    with pytest.raises(ModelError) as said:
        _image(facts(words, words.model_copy(update={"name": "mask"})), CIFAR)
    assert str(said.value) == (
        "CIFAR-10 holds images, for a file with one input of floats, (batch, channels, height, width) or "
        "(batch, height, width, channels). This one takes ids (int64, any × 128), mask (int64, any × 128)."
    )
    with pytest.raises(ModelError, match="images have 1 or 3 channels; this file takes x .float32, any × 4"):
        _image(facts(image(None, 4, 32, 32)), CIFAR)


def test_another_number_of_answers_than_classes_is_refused():
    _check_answers(facts(image(), answers=(None, 10)), CIFAR)
    _check_answers(facts(image(), answers=(None, None)), CIFAR)
    with pytest.raises(ModelError) as said:
        _check_answers(facts(image(), answers=(None, 1000)), CIFAR)
    assert str(said.value) == (
        "to tell the 10 classes of CIFAR-10 apart, the first output must have the shape (batch, 10); that of this "
        "file is any × 1000. Choose the data set that it was trained on."
    )


def test_the_common_scalings_begin_with_that_of_our_own_models():
    assert next(iter(scalings("cifar10", 3))) == "CIFAR-10's mean and deviation"
    assert scalings("cifar10", 3)["0 to 255"] == ((0, 0, 0), (1 / 255,) * 3)
    assert "ImageNet's mean and deviation" not in scalings("fashion-mnist", 1)


def test_answers_near_chance_are_said_to_be():
    assert _in_words("0 to 1", {"0 to 1": 150, "−1 to 1": 40}, 200, 10) == (
        "Pixels scaled as “0 to 1”: 75 % of 200 validation samples are right; 20 % as “−1 to 1”."
    )
    assert _in_words("0 to 1", {"0 to 1": 30}, 200, 10) == (
        "Pixels scaled as “0 to 1”: 15 % of 200 validation samples are right. That is near chance: is this the data "
        "set it was trained on, and are the classes in the same order?"
    )
