"""A person's folders and files become arrays, or are refused with the file and the reason."""

import numpy as np
import pytest

from edgekit.core.errors import DataError
from edgekit.core.text import told
from edgekit.data.reading import read
from tests.data.brought import clusters, encoded, in_a_folder, in_a_zip, picture, pictures, tone


def refused(path, **how) -> str:
    with pytest.raises(DataError) as said:
        read(path, **how)
    return str(said.value)


def in_parts(*parts: str) -> dict[str, bytes]:
    return {f"{part}/{name}": content for part in parts for name, content in pictures({"a": 2, "b": 3}).items()}


@pytest.mark.parametrize("pack", [in_a_folder, in_a_zip])
def test_a_folder_a_class_gives_images_and_the_names_of_the_folders(tmp_path, pack):
    files = pictures({"cat": 3, "dog": 2})
    found = read(pack(tmp_path / "pets.zip", {f"pets/{name}": content for name, content in files.items()}))
    assert (found.kind, found.classes, found.test) == ("image", ("cat", "dog"), None)
    assert found.training.labels.tolist() == [0, 0, 0, 1, 1]
    assert found.training.raw.shape == (5, 6, 8, 3)
    noise = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    assert np.array_equal(found.training.raw[3], noise)


def test_folders_named_train_and_test_are_a_split(tmp_path):
    files = {
        f"{part}/{name}": content for part in ("train", "test") for name, content in pictures({"a": 2, "b": 3}).items()
    }
    found = read(in_a_folder(tmp_path, files))
    assert (len(found.training.raw), len(found.test.raw), found.classes) == (5, 5, ("a", "b"))
    assert found.test.labels.tolist() == [0, 0, 1, 1, 1]


def test_a_validation_folder_is_the_test_set_where_there_is_no_other(tmp_path):
    files = {
        f"{part}/{name}": content for part in ("train", "val") for name, content in pictures({"a": 2, "b": 3}).items()
    }
    assert len(read(in_a_folder(tmp_path, files)).test.raw) == 5


def test_images_beside_each_other_have_no_labels(tmp_path):
    found = read(in_a_folder(tmp_path, pictures({"": 4}, grey=True)))
    assert (found.classes, found.training.labels, found.training.raw.shape) == ((), None, (4, 6, 8, 1))


def test_images_of_other_sizes_become_like_most_and_it_is_said(tmp_path):
    files = pictures({"a": 3}) | {"b/big.png": picture(9, 40, 30)}
    found = read(in_a_folder(tmp_path, files))
    assert found.training.raw.shape == (4, 6, 8, 3)
    assert found.said == "1 of 4 images were resized to 8 × 6 pixels."
    assert read(tmp_path, size=(10, 12)).training.raw.shape == (4, 10, 12, 3)


def test_images_of_no_common_size_become_squares(tmp_path):
    files = {f"{name}.png": picture(name, 10 + name, 20 - name) for name in range(5)}
    assert read(in_a_folder(tmp_path, files)).training.raw.shape == (5, 12, 12, 3)


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    files = pictures({"a": 2, "b": 2}) | {"b/broken.png": picture(1)[:60]}
    assert refused(in_a_folder(tmp_path, files)).startswith(
        "b/broken.png must be an image, but cannot be read as one ("
    )


def test_a_file_beside_class_folders_is_named(tmp_path):
    files = pictures({"a": 2, "b": 2}) | {"stray.png": picture(7)}
    assert refused(in_a_folder(tmp_path, files)) == (
        "either every file lies in the folder of its class, or none does; stray.png lies beside 2 such folders."
    )


def test_hidden_files_and_those_of_other_kinds_are_passed_over(tmp_path):
    files = pictures({"a": 2, "b": 2}) | {"__MACOSX/a/._0.png": b"x", ".DS_Store": b"x", "a/notes.txt": b"x"}
    assert len(read(in_a_zip(tmp_path / "x.zip", files)).training.raw) == 4


def test_a_zip_that_is_none_and_one_without_images_are_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK no")
    assert refused(tmp_path / "x.zip").startswith("x.zip must be a .zip, but cannot be opened as one (")
    path = in_a_zip(tmp_path / "y.zip", {"a.md": b"x"})
    assert refused(path) == "y.zip must hold images, .wav or .txt files; among its 1 files there are none."


def test_a_zip_that_would_unpack_to_more_than_is_allowed_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit.data.reading.MOST_BYTES", 1000)
    path = in_a_zip(tmp_path / "bomb.zip", {"a/0.png": b"0" * 2000})
    assert refused(path) == "bomb.zip must hold at most 0.0 GB once unpacked, not 0.0."


def test_palettes_alpha_and_jpeg_become_colours(tmp_path):
    from PIL import Image

    plain = Image.fromarray(np.full((6, 8, 3), (200, 100, 50), np.uint8))
    files = {
        "p.png": encoded(plain.convert("P")),
        "a.png": encoded(plain.convert("RGBA")),
        "j.jpg": encoded(plain, "JPEG"),
    }
    raw = read(in_a_folder(tmp_path, files)).training.raw
    assert raw.shape == (3, 6, 8, 3)
    assert np.median(np.abs(raw.astype(int) - [200, 100, 50]), axis=(1, 2, 3)).max() < 10  # palettes are dithered


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint8", "int32"])
def test_recordings_of_every_width_become_16_bits(tmp_path, dtype):
    files = {"low/0.wav": tone(200, dtype=dtype), "high/0.wav": tone(900, dtype=dtype, channels=2)}
    found = read(in_a_folder(tmp_path, files))
    assert (found.kind, found.rate, found.classes) == ("sound", 8000, ("high", "low"))
    assert found.training.raw.shape == (2, 4000)
    loud = found.training.raw.astype(int).max(1)
    assert (loud > 31000).all()


def test_recordings_become_equally_long_at_one_rate(tmp_path):
    files = {f"a/{n}.wav": tone(300, seconds) for n, seconds in enumerate([0.5] * 20 + [0.2])}
    files |= {"b/0.wav": tone(300, 0.5, rate=16000), "b/1.wav": tone(300, 2.0)}
    found = read(in_a_folder(tmp_path, files))
    assert found.training.raw.shape == (23, 4000)
    assert not found.training.raw[13, 1600:].any()  # files are read by name: 0, 1, 10 … 19, 2, 20
    assert found.said == "All are 0.50 s long: 1 were cut, and 1 end in silence. 1 were resampled to 8,000 Hz."


def test_a_recording_that_is_none_is_named(tmp_path):
    assert refused(in_a_folder(tmp_path, {"a/0.wav": b"RIFF nothing"})).startswith("a/0.wav must be a .wav file")


def test_arrays_of_bytes_are_images_and_floats_are_numbers(tmp_path):
    x, y = clusters()
    np.savez(tmp_path / "t.npz", x=x, y=y)
    found = read(tmp_path / "t.npz")
    assert (found.kind, found.classes, found.training.raw.dtype) == ("values", ("0", "1", "2"), np.float32)
    assert found.training.labels.tolist() == y.tolist()
    np.savez(tmp_path / "i.npz", X=np.zeros((5, 4, 4), np.uint8))
    found = read(tmp_path / "i.npz")
    assert (found.kind, found.training.raw.shape, found.training.labels) == ("image", (5, 4, 4, 1), None)


def test_arrays_may_be_split_already_and_labels_may_be_words_or_columns(tmp_path):
    x, y = clusters(9)
    words = np.array(["red", "green", "blue"])[y]
    np.savez(tmp_path / "t.npz", x_train=x[:6], y_train=words[:6], x_test=x[6:], y_test=words[6:])
    found = read(tmp_path / "t.npz")
    assert (found.classes, found.test.labels.tolist()) == (("blue", "green", "red"), [2, 1, 0])
    np.savez(tmp_path / "o.npz", x=x, y=np.eye(3)[y])
    assert read(tmp_path / "o.npz").training.labels.tolist() == y.tolist()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (
            {"a": np.zeros(3)},
            "t.npz must hold the arrays x and y, or x_train, y_train, x_test and y_test; it holds a (3,).",
        ),
        ({"x": np.zeros(3)}, "x must hold numbers, (n, …), of the same shape for every sample; t.npz holds x (3,)."),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "x and y must be equally long; t.npz holds x (3, 2), y (2,)."),
        (
            {"x": np.full((3, 2), np.nan), "y": [0, 1, 0]},
            "x must hold finite numbers; in t.npz there are some that are not.",
        ),
        (
            {"x": np.zeros((3, 2)), "y": [0.5, np.inf, 2]},
            "there must be one label a sample, a finite number or a word; those of t.npz are not so.",
        ),
        ({"x": np.zeros((3, 2)), "y": [1, 1, 1]}, "there must be 2 to 1,000 classes; t.npz has 1 different labels."),
    ],
)  # fmt: skip
def test_arrays_that_make_no_data_set_are_refused_in_words(tmp_path, held, said):
    np.savez(tmp_path / "t.npz", **held)
    assert refused(tmp_path / "t.npz") == said


def test_arrays_that_hide_a_program_are_refused(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.array([{"run": "me"}], object))
    assert "must be an .npz of plain arrays" in refused(tmp_path / "t.npz")


def test_a_table_has_its_label_in_a_column_of_that_name_or_in_the_last(tmp_path):
    (tmp_path / "t.csv").write_text("Label,a,b\nyes,1,2\nno,3,4\nno,5,6\n")
    found = read(tmp_path / "t.csv")
    assert (found.classes, found.training.labels.tolist()) == (("no", "yes"), [1, 0, 0])
    assert found.training.raw.tolist() == [[1, 2], [3, 4], [5, 6]]
    (tmp_path / "t.tsv").write_text("a\tb\tkind\n1\t2\t7\n3\t4\t9\n")
    assert read(tmp_path / "t.tsv").classes == ("7", "9")
    assert read(tmp_path / "t.tsv", label="").training.raw.shape == (2, 3)


def test_a_table_with_words_gaps_or_another_label_is_refused_by_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,x,0\n2,y,1\n")
    assert refused(path) == (
        "all columns but the label's must hold numbers, or there must be one only, of texts; in t.csv b of 2 hold "
        "words."
    )
    assert refused(path, label="kind") == "t.csv has no column 'kind'. There are: a, b, label."
    path.write_text("a,b,label\n1,2,0\n2,,1\n")
    assert refused(path) == "t.csv must have no gaps; the column b has one in line 3."


def test_a_table_with_one_column_of_words_holds_texts(tmp_path):
    (tmp_path / "t.csv").write_text('text,label\n"Good, really",pos\nBad,neg\nSchön,pos\n', "utf-8")
    found = read(tmp_path / "t.csv")
    assert (found.kind, found.task, found.classes) == ("text", "classification", ("neg", "pos"))
    assert [told(row) for row in found.training.raw] == ["Good, really", "Bad", "Schön"]
    assert found.training.labels.tolist() == [1, 0, 1]
    (tmp_path / "t.tsv").write_text("stars\treview\n5\tI'd come again\n1\tNever\n", "utf-8")
    assert read(tmp_path / "t.tsv", label="stars").classes == ("1", "5")


@pytest.mark.parametrize("pack", [in_a_folder, in_a_zip])
def test_text_files_in_a_folder_a_class_are_texts(tmp_path, pack):
    files = {"pos/1.txt": b"Good\n", "pos/2.txt": "\ufeffSchön".encode(), "neg/1.txt": b"Bad", "neg/notes.md": b"x"}
    found = read(pack(tmp_path / "reviews.zip", files))
    assert (found.kind, found.classes, found.training.labels.tolist()) == ("text", ("neg", "pos"), [0, 1, 1])
    assert [told(row) for row in found.training.raw] == ["Bad", "Good", "Schön"]


def test_long_texts_are_cut_which_is_said_and_other_encodings_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit.data.reading.LONGEST_TEXT", 4)
    found = read(in_a_folder(tmp_path / "t", {"a/1.txt": b"Hello", "b/1.txt": b"Hi"}))
    assert [told(row) for row in found.training.raw] == ["Hell", "Hi"]
    assert found.said == "1 of 2 texts were cut after 4 bytes."
    assert refused(in_a_folder(tmp_path / "u", {"a/1.txt": b"sch\xf6n"})).startswith(
        "a/1.txt must be text in UTF-8, but cannot be read as such ('utf-8' codec can't decode byte 0xf6"
    )


def test_what_is_no_data_is_told_what_would_be(tmp_path):
    assert refused(tmp_path / "none").startswith("there must be a folder or a file at ")
    (tmp_path / "x.mat").write_bytes(b"x")
    assert refused(tmp_path / "x.mat") == (
        "data must be a folder or .zip of images, of .wav or of .txt files in a folder a class, an .npz, a .csv or a "
        ".tsv; x.mat is none of them."
    )


def test_labels_that_are_no_whole_numbers_are_numbers_to_come_close_to(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,target\n1,2,0.5\n3,4,1\n5,6,2.25\n")
    found = read(tmp_path / "t.csv")
    assert (found.task, found.classes) == ("regression", ())
    assert found.training.labels.tolist() == [0.5, 1, 2.25]
