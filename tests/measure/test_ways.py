"""What a brought file takes is read from it: size, channels and layout; what fits no data set is refused in words."""

import numpy as np
import pytest

from edgekit.core.errors import ModelError
from edgekit.core.preprocessing import Pixels, Sound, Text, Values
from edgekit.data import bring, splits
from edgekit.data.catalog import Entry
from edgekit.data.splits import Dataset, Samples, Split
from edgekit.measure.ways import ways
from edgekit.models.facts import Facts, Port
from tests.data.brought import in_a_folder, tone


def facts(*inputs: Port) -> Facts:
    answer = Port(name="logits", dtype="float32", shape=(None, 10))
    return Facts(
        inputs=inputs, outputs=(answer,), operators={"Conv": 1}, nodes=1, depth=0, params=1, weight_bytes=4, opset=21,
        quantized=False,
    )  # fmt: skip


def takes(*shape: int | None, dtype: str = "float32") -> Facts:
    return facts(Port(name="x", dtype=dtype, shape=shape))


class Pictures:
    """A data set as large as CIFAR-10's images, of which nothing but the entry is looked at."""

    id, entry = "colours", Entry(
        id="colours", title="Colours", classes=("a", "b"), shape=(32, 32, 3), training=1, evaluation=1, validation=1,
        sha256={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "size", "channels", "last"),
    [
        ((None, 3, 32, 32), None, 3, False),
        ((1, 3, 224, 224), (224, 224), 3, False),
        ((None, 3, None, None), None, 3, False),
        ((None, 96, 96, 3), (96, 96), 3, True),
        ((None, 1, 28, 28), (28, 28), 1, False),
        ((None, 32, 32, 1), None, 1, True),
    ],
)
def test_size_channels_and_layout_are_read_from_the_shape(shape, size, channels, last):
    found = ways(takes(*shape), Pictures)["0 to 1"]
    assert found == Pixels(mean=(0.0,) * channels, std=(1.0,) * channels, size=size, channels_last=last)


def test_images_may_be_taken_as_a_row_of_values():
    assert ways(takes(None, 3072), Pictures)["−1 to 1"] == Pixels(mean=(0.5,) * 3, std=(0.5,) * 3, flat=True)
    assert ways(takes(None, 1024), Pictures)["0 to 1"] == Pixels(mean=(0.0,), std=(1.0,), flat=True)


def test_whole_numbers_are_pixels_as_they_are():
    assert list(ways(takes(None, 32, 32, 3, dtype="uint8"), Pictures)) == ["0 to 255"]


def test_what_takes_no_images_is_refused_with_what_it_takes():
    with pytest.raises(ModelError) as said:
        ways(takes(None, 4, 32, 32), Pictures)
    assert str(said.value) == (
        "Colours holds images of the shape 32 × 32 × 3, for a file with one input of (batch, channels, height, width), "
        "(batch, height, width, channels) with 1 or 3 channels, or a row of all pixels. This one takes x (float32, any "
        "× 4 × 32 × 32)."
    )
    two = [Port(name=name, dtype="int64", shape=(None, 128)) for name in ("ids", "mask")]
    with pytest.raises(ModelError, match="must have one input of numbers.*takes ids .int64, any × 128., mask"):
        ways(facts(*two), Pictures)


def test_the_common_scalings_begin_with_that_of_our_own_models(tmp_path):
    fashion = splits.load("fashion-mnist")
    found = ways(takes(None, 1, 28, 28), fashion)
    assert next(iter(found)) == "Fashion-MNIST's mean and deviation"
    assert found["0 to 255"] == Pixels(mean=(0.0,), std=(1 / 255,))
    assert "ImageNet's mean and deviation" not in found


def a_table(shape: tuple[int, ...], values: np.ndarray) -> Dataset:
    held = Samples("table", Split.TRAINING, values, np.zeros(len(values), int), np.arange(len(values)))

    class Table(Dataset):
        entry = Entry(
            id="table", title="Table", kind="values", classes=("a", "b"), shape=shape, training=1, evaluation=1,
            validation=1, sha256={},
        )  # fmt: skip

    return Table("table", held, held, held)


def test_numbers_are_taken_as_they_are_or_scaled_by_what_was_trained_on():
    found = ways(takes(None, 2), a_table((2,), np.float32([[0, 5], [4, 5]])))
    assert found["as they are"] == Values()
    assert found["each feature's mean and deviation"] == Values(mean=(2.0, 5.0), std=(2.0, 1.0))
    assert found["each feature from 0 to 1"] == Values(mean=(0.0, 5.0), std=(4.0, 1.0))


def test_series_may_have_their_features_first():
    series = a_table((5, 2), np.zeros((3, 5, 2), np.float32))
    assert not ways(takes(None, 5, 2), series)["as they are"].channels_first
    assert ways(takes(None, 2, 5), series)["as they are"].channels_first
    with pytest.raises(
        ModelError, match=r"holds samples of the shape 5 × 2, for a file with one input of \(batch, 5, 2\)"
    ):
        ways(takes(None, 7), series)


def test_texts_are_taken_as_word_pieces_by_files_for_whole_numbers(tmp_path, home):
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"Sentence {n},{n % 2}\n" for n in range(10, 40)))
    data = splits.load(bring.add(tmp_path / "t.csv"))
    assert ways(takes(None, 32, dtype="int64"), data) == {"BERT's word pieces": Text(length=32)}
    assert ways(takes(None, None, dtype="int32"), data)["BERT's word pieces"].length == 128
    with pytest.raises(ModelError) as said:
        ways(takes(None, 32), data)
    assert str(said.value) == (
        "t holds texts of the shape 11, for a file with one input of whole numbers (batch, word pieces). This one "
        "takes x (float32, any × 32)."
    )
    ids, mask = (Port(name=name, dtype="int64", shape=(None, None)) for name in ("input_ids", "attention_mask"))
    with pytest.raises(
        ModelError, match=r"Export it so that it takes word pieces, and attention_mask and token_type_ids"
    ):
        ways(facts(ids, mask), data)


def test_sound_is_taken_as_a_waveform_or_as_cepstra(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_HOME", str(tmp_path / "home"))
    files = {f"{name}/{n}.wav": tone(hertz + n) for name, hertz in (("low", 200), ("high", 900)) for n in range(12)}
    data = splits.load(bring.add(in_a_folder(tmp_path / "tones", files)))
    assert ways(takes(None, 4000), data)["the waveform"] == Sound(rate=8000)
    assert ways(takes(None, 1, 4000), data)["the waveform"].channels_first
    assert ways(takes(None, 48, 13), data) == {"13 cepstral coefficients": Sound(rate=8000, coefficients=13)}
    assert ways(takes(None, 13, 48), data)["13 cepstral coefficients"].channels_first
    with pytest.raises(ModelError, match=r"of \(batch, 4000\) for the waveform, or \(batch, 48, n\) for n cepstral"):
        ways(takes(None, 16000), data)
