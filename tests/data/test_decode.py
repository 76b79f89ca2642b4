"""Every form that the sources come in, written by hand and read back."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from edgekit.core.errors import DataError
from edgekit.core.text import told
from edgekit.data.catalog import ARRAYS
from edgekit.data.decode import decode
from edgekit.data.forms.images import CIFAR_BATCHES
from edgekit.data.forms.text import SENTIMENT, split

PIXELS = np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), np.uint8)  # two images in each of six batches
LABELS = np.arange(12, dtype=np.uint8) % 10


def test_the_binary_form_of_cifar_is_read_colour_by_colour(tmp_path):
    records = np.concatenate([LABELS[:, None], PIXELS.transpose(0, 3, 1, 2).reshape(12, -1)], 1)
    members = {f"cifar/{n}.bin": records[2 * i : 2 * i + 2].tobytes() for i, n in enumerate(CIFAR_BATCHES)}
    _same(decode("cifar_binary", [_tar(tmp_path / "c.tar.gz", members)]))


def test_png_sheets_are_read_an_image_a_row(tmp_path):
    members = {
        "package/train_lables.json": json.dumps(LABELS[:10].tolist()).encode(),
        "package/test_lables.json": json.dumps(LABELS[10:].tolist()).encode(),
    }
    for i, name in enumerate(CIFAR_BATCHES):
        picture = io.BytesIO()
        Image.fromarray(PIXELS[2 * i : 2 * i + 2].reshape(2, 1024, 3)).save(picture, "png")
        members[f"package/{name}.png"] = picture.getvalue()
    _same(decode("png_sheets", [_tar(tmp_path / "p.tgz", members)]))


def test_nobody_among_the_faces_is_in_two_splits_and_validation_people_come_first(tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.whl", "w") as wheel:
        for person in range(1, 9):
            for number in (10, 2):
                wheel.writestr(
                    f"some/ORL_faces/s{person}/{number}.pgm", b"P5 3 2 255\n" + bytes([10 * person + number] * 6)
                )
        wheel.writestr("some/ORL_faces/s3/target.jpg", b"another picture")
    found = decode("orl", [tmp_path / "faces.whl"])
    assert found["training_labels"].tolist() == [4, 4, 5, 5, 0, 0, 1, 1, 2, 2, 3, 3]
    assert found["evaluation_labels"].tolist() == [6, 6, 7, 7]
    assert found["training_raw"].shape == (12, 2, 3, 1)
    assert found["training_raw"][:, 0, 0, 0].tolist() == [52, 60, 62, 70, 12, 20, 22, 30, 32, 40, 42, 50]


def test_sentences_are_cut_into_a_test_set_and_those_that_come_twice_stay_once_or_not_at_all():
    labelled = [(f"Sentence {n}.", n % 2) for n in range(12)]
    twice = [("sentence  3.", 1), ("Both good and bad", 0), ("both Good and bad", 1)]
    raw, labels, test_raw, test_labels = split([*labelled, *twice], test_each=2)
    assert (labels.tolist(), test_labels.tolist()) == ([0, 1] * 4, [0, 1] * 2)
    found = {told(row): label for row, label in zip([*raw, *test_raw], [*labels, *test_labels], strict=True)}
    assert found == dict(labelled)
    assert [told(row) for row in split(labelled[::-1], test_each=2)[2]] == [told(row) for row in test_raw]


def test_sentiment_is_the_same_from_lines_and_from_lists_whose_last_record_holds_nothing(tmp_path):
    members, path = {}, tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in SENTIMENT:
            records = [{"text": f" {name}\x85 {n}  ", "class": n % 2} for n in range(300)]
            members[f"package/test/fixtures/{name}.json"] = json.dumps([*records, {"text": "", "class": None}]).encode()
            lines = "".join(f"{one['text']}\t{one['class']}\n" for one in records)
            archive.writestr(f"sentences/{name}{'_cells' * (name == 'amazon')}_labelled.txt", lines)
    found = decode("sentiment_json", [_tar(tmp_path / "s.tgz", members)])
    same = decode("sentiment_lines", [path])
    assert all(np.array_equal(found[name], same[name]) for name in ARRAYS)
    assert [len(found[name]) for name in ARRAYS] == [300, 300, 600, 600]
    assert found["evaluation_labels"].sum() == 300
    assert not told(found["training_raw"][0]).endswith(" ")


@pytest.mark.parametrize("form", ["idx", "cifar_binary", "png_sheets", "orl", "sentiment_lines", "sentiment_json"])
def test_files_of_another_form_are_named_not_guessed(form, tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no such thing")
    with pytest.raises(DataError, match=r"^train-images-idx3-ubyte.gz could not be read \(\w+: "):
        decode(form, [tmp_path / "train-images-idx3-ubyte.gz"])


def _tar(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


def _same(found):
    for name, wanted in zip(ARRAYS, (PIXELS[:10], LABELS[:10], PIXELS[10:], LABELS[10:]), strict=True):
        assert found[name].dtype == np.uint8
        np.testing.assert_array_equal(found[name], wanted)
