"""The map of layers, read back from the figure: what a cell shows, what a click on it says, and who can read it."""

import pytest

from edgekit.search.layer_choices import AXES
from edgekit.search.layer_sensitivity import Cell, LayerTable
from edgekit.ui.layer_choice import LAYER, WEIGHTS, farthest, frame, summary
from edgekit.ui.layer_map import STEPS, figure, hover, look, lost_in_words
from tests.show.test_charts import contrast


def a_table(**changes) -> LayerTable:
    """Three layers, of which the first two must keep the same channels; only some axes are known."""
    row = [Cell(lost=lost, low=lost - 0.01, high=lost + 0.01) for lost in (-0.002, 0.0, 0.004, 0.01, 0.03, 0.1, 0.5)]
    values = {
        "model_sha256": "0" * 64,
        "metric": "accuracy",
        "quality": 0.93,
        "samples": 512,
        "versions": {},
        "layers": {"stem": 100, "conv": 300, "fc": 600},
        "tied": [["stem", "conv"]],
        "cells": {
            "bits": {"stem": row, "conv": row, "fc": row},
            "channels": {"stem": [None, *row, row[-1]], "conv": [None, *row, row[-1]]},
        },
    }
    return LayerTable(**values | changes)


def test_every_cell_lies_in_its_row_and_column_and_says_what_it_stands_for():
    cells = figure(a_table(), AXES["bits"], {}).data[0]
    assert list(cells.y) == ["stem"] * 7 + ["conv"] * 7 + ["fc"] * 7
    assert [round(float(base)) for base in cells.base[:7]] == list(range(7))
    assert [list(one) for one in cells.customdata[:2]] == [["stem", 8], ["stem", 7]]
    assert list(cells.text[:7]) == ["−0.2", "0.0", "0.4", "1.0", "3.0", "10.0", "50.0"]


def test_layers_come_from_top_to_bottom_in_the_order_of_the_network():
    drawn = figure(a_table(), AXES["bits"], {})
    assert list(drawn.layout.yaxis.categoryarray) == ["fc", "conv", "stem"]
    assert list(drawn.layout.xaxis.ticktext) == ["8", "7", "6", "5", "4", "3", "2"]


def test_what_is_chosen_has_a_frame_that_can_be_clicked_too():
    frames = figure(a_table(), AXES["bits"], {"conv": 4, "unknown": 4}).data[1]
    assert list(frames.y) == ["conv"]
    assert [list(one) for one in frames.customdata] == [["conv", 4]]


def test_a_layer_that_was_not_measured_has_no_row():
    assert set(figure(a_table(), AXES["channels"], {}).data[0].y) == {"stem", "conv"}


@pytest.mark.parametrize(("most", "colour", "number"), STEPS)
def test_the_number_in_a_cell_can_be_read(most, colour, number):
    assert contrast(colour, number) >= 4.5


def test_more_lost_is_darker():
    white = [contrast(colour, "#FFFFFF") for _, colour, _ in STEPS]
    assert white == sorted(white)


def test_where_nothing_would_change_the_cell_says_so():
    assert lost_in_words(None) == "="
    assert look(None) not in [(colour, number) for _, colour, number in STEPS]
    assert "Nothing would change." in hover(a_table(), AXES["channels"], "stem", 0.1)


def test_the_words_beside_a_cell_name_all_layers_that_go_together_and_their_weights():
    text = hover(a_table(), AXES["channels"], "conv", 0.4)
    assert "<b>stem and conv</b>" in text
    assert "Holds 40.0 % of all weights" in text, "400 of 1,000"
    assert "Lost alone: 0.4 points (95 %: −0.6 points to 1.4 points)" in text


def test_the_summary_counts_layers_once_and_ties_once():
    told = summary(a_table(), {"channels": {"stem": 0.4, "conv": 0.4}, "bits": {"conv": 5}})
    assert told.startswith("**2 of 3 layers**")
    assert "1.4 points are lost" in told


def test_every_layer_goes_as_far_as_it_can_alone():
    assert farthest(a_table(), AXES["bits"], 0.005) == {"stem": 6, "conv": 6, "fc": 6}
    assert farthest(a_table(), AXES["channels"], 0.03) == {"stem": 0.6, "conv": 0.6}
    assert farthest(a_table(), AXES["bits"], -1.0) == {}
    assert farthest(a_table(), AXES["rank"], 1.0) == {}


def test_the_table_beside_the_map_shows_the_same_choice():
    shown = frame(a_table(), {"bits": {"fc": 4}}, AXES.values())
    assert list(shown[LAYER]) == ["stem", "conv", "fc"]
    assert list(shown[WEIGHTS]) == [0.1, 0.3, 0.6]
    assert shown["Bits"].tolist()[2] == 4
    assert shown["Bits"].isna().tolist() == [True, True, False]
    assert shown["Zeros"].isna().all()
