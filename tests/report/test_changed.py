"""Samples whose answer changed, as a report shows them: each kind of data in its own way, inside the file."""

import base64
import io
import wave
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from edgekit.core.run import Disagreement
from edgekit.core.text import kept
from edgekit.data.catalog import Entry, entry
from edgekit.report.changed import LINES, STEPS, as_shown, changed, lines
from tests.factories import a_run

SOUNDS = Entry(id="words", title="Words", kind="sound", classes=("no", "yes"), shape=(8000,), rate=8000, training=1,
               evaluation=1, validation=1)  # fmt: skip


def one(label=0, before=0, after=1) -> Disagreement:
    return Disagreement(sample=7, label=label, before=before, after=after, before_confidence=0.91, after_confidence=0.6)


def content(url: str) -> bytes:
    """What is in a data: URL."""
    return base64.b64decode(url.partition("base64,")[2])


def test_a_picture_keeps_its_pixels_and_both_answers_say_whether_they_are_right():
    raw = np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)
    shown = as_shown(one(label=6, before=6, after=0), raw, entry("fashion-mnist"))
    assert (shown.truth, shown.before.answer, shown.after.answer) == ("Shirt", "Shirt", "T-shirt/top")
    assert (shown.before.right, shown.after.right, shown.before.sure) == (True, False, "91 %")
    image = Image.open(io.BytesIO(content(shown.picture)))
    assert (image.size, image.mode) == ((128, 128), "L")


def test_a_text_is_shown_as_text():
    shown = as_shown(one(), kept(["Quite <b>good</b>, really."])[0], entry("sentences"))
    assert (shown.text, shown.picture, shown.sound) == ("Quite <b>good</b>, really.", "", "")


def test_a_series_is_drawn_as_lines_that_stay_inside_their_picture():
    series = np.cumsum(np.random.default_rng(1).normal(size=(900, 6)), axis=0).astype(np.float32)
    tree = ElementTree.fromstring(content(lines(series)))
    drawn = [line.get("points").split() for line in tree]
    assert len(drawn) == LINES
    assert len(drawn[0]) <= STEPS + STEPS // 2
    heights = [float(point.split(",")[1]) for line in drawn for point in line]
    assert 0 <= min(heights) < max(heights) <= 100


def test_a_line_without_ups_and_downs_is_drawn_too():
    assert b"polyline" in content(lines(np.zeros((1, 1), np.float32)))


def test_of_a_sound_the_beginning_can_be_heard():
    raw = np.arange(40_000, dtype=np.int16)
    shown = as_shown(one(), raw, SOUNDS)
    with wave.open(io.BytesIO(content(shown.sound))) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 16_000)
        assert np.array_equal(np.frombuffer(file.readframes(16_000), "<i2"), raw[:16_000])
    assert shown.picture.startswith("data:image/svg+xml;base64,")


def test_where_answers_are_boxes_each_has_a_picture_of_its_own():
    label, before, after = [[0.1, 0.4, 0.3, 0.6, 3]], [[0.1, 0.4, 0.3, 0.6, 3, 0.9]], [[-1.0] * 6]
    shown = as_shown(one(label, before, after), np.zeros((96, 96, 1), np.uint8), entry("digit-scenes"))
    assert (shown.picture, shown.before.right, shown.after.right) == ("", True, False)
    assert content(shown.before.picture) != content(shown.after.picture)


def test_samples_that_are_not_on_this_machine_are_said_to_be_missing():
    shown, why = changed(a_run(data="orl-faces"), entry("orl-faces"))
    assert shown == []
    assert why == "ORL faces is not on this machine. Fetch it: python -m edgekit data pull orl-faces"


def test_of_a_run_on_validation_samples_no_test_sample_is_shown():
    assert changed(a_run(split="validation"), entry("fashion-mnist")) == ([], "")
