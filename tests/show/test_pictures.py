"""A sample as a picture, a text, or numbers."""

import numpy as np

from edgekit.show import pictures


def test_pictures_of_grey_and_colour_images_keep_their_pixels_square():
    grey, colour = np.zeros((28, 28, 1), np.uint8), np.zeros((32, 32, 3), np.uint8)
    assert {pictures.picture(image, 112).size for image in (grey, colour)} == {(224, 224)}
    assert [pictures.picture(image, 112).mode for image in (grey, colour)] == ["L", "RGB"]


def test_pictures_that_are_not_square_stay_so():
    assert pictures.picture(np.zeros((20, 40, 3), np.uint8), 100).size == (200, 100)


def test_of_many_numbers_the_first_few_are_shown():
    assert pictures.numbers(np.float32([5.1, 3.25, 1e6])) == "5.1, 3.25, 1e+06"
    assert pictures.numbers(np.arange(8.0).reshape(2, 4)) == "0, 1, 2, 3, 4, 5 …"


def test_of_a_long_text_the_first_words_are_shown_on_one_line():
    assert pictures.beginning("Good,\n  really") == "Good, really"
    assert pictures.beginning("word " * 100) == " ".join(["word"] * 48) + " …"
