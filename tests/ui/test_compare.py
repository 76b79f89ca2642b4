"""Runs side by side: numbers that can be told apart are marked, bars share one scale, disputes fall into groups."""

import numpy as np
import pytest

from edgekit.core.run import Comparison, Interval
from edgekit.search.disputes import Dispute
from edgekit.ui import compare_confusion, compare_layers, compare_numbers, compare_samples
from edgekit.ui.compare_pick import contenders
from tests.factories import a_baseline, a_run, layers, measurements


def three():
    """The original, 8 bits and 4 bits: A, B and C."""
    four_bits = a_run(
        recipe=[{"quantize_weights": {"bits": 4}}], measurements=measurements(0.88, 230_000, 0.21), layers=layers(4)
    )
    return contenders([a_baseline(), a_run(), four_bits])


def row(table: dict, title: str) -> list[str]:
    place = table["Number"].index(title)
    return [column[place] for name, column in table.items() if name != "Number"]


def test_bold_marks_the_best_and_all_that_cannot_be_told_from_it():
    table = compare_numbers.table(three())
    accuracy = row(table, "Accuracy")
    assert [cell.startswith("**") for cell in accuracy] == [True, True, False]  # 91.96 and 91.77 % overlap
    assert accuracy[0] == "**92.0 %** :small[:gray[(91.4 to 92.5 %)]]"
    assert [cell.startswith("**") for cell in row(table, "Size on disk")] == [False, False, True]


def test_a_number_that_is_the_same_for_all_is_not_marked():
    assert not any(cell.startswith("**") for cell in row(compare_numbers.table(three()), "Parameters"))


def test_a_number_that_one_run_lacks_is_a_dash():
    whole = a_run()
    del whole.measurements["peak_memory_bytes"]
    table = compare_numbers.table(contenders([a_baseline(), whole]))
    assert row(table, "Peak memory")[1] == "–"
    assert row(table, "Size against the original")[0] == "–"  # the original itself is compared with nothing


@pytest.mark.parametrize(
    ("speed", "ratio", "words"),
    [
        ("faster", (0.5, 0.4, 0.625), "2.00× faster :small[:gray[(1.60 to 2.50)]]"),
        ("slower", (1.5, 1.2, 1.8), "1.50× slower :small[:gray[(1.20 to 1.80)]]"),
        ("tie", (1.0, 0.98, 1.03), "as fast :small[:gray[(0.980 to 1.03 × the time)]]"),
    ],
)
def test_speed_is_said_with_the_interval_in_the_same_direction(speed, ratio, words):
    value, low, high = ratio
    run = a_run(
        comparison=Comparison(
            latency_ratio=Interval(value=value, low=low, high=high), speed=speed, size_ratio=0.25, p_value=0.2,
            accuracy_difference=Interval(value=-0.0019, low=-0.0034, high=-0.0004),
        )
    )  # fmt: skip
    table = compare_numbers.table(contenders([a_baseline(), run]))
    assert row(table, "Speed against the original")[1] == words
    assert row(table, "How well, against the original")[1] == "−0.19 points :small[:gray[(−0.34 to −0.04; p 0.200)]]"


def test_size_and_latency_start_at_zero_and_accuracy_where_it_differs():
    everyone = three()
    starts = {m: compare_numbers.intervals(everyone, m).layout.xaxis.range[0] for m in compare_numbers.SHOWN}
    assert starts["size_bytes"] == starts["latency_ms"] == 0
    assert starts["accuracy"] > 80


def test_ticks_are_round_and_within_the_axis():
    assert compare_numbers._ticks(0, 1.0) == [0, 0.5, 1.0]
    assert compare_numbers._ticks(85.6, 92.9) == [86, 88, 90, 92]


def test_bars_are_in_the_order_of_the_network_on_one_scale():
    figure = compare_layers.bars(three(), "Weights (bytes)")
    values = {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data}
    assert list(values["A"]) == ["conv1", "conv2", "fc1", "fc2"]
    assert values["A"]["fc1"] == 500 * 800 * 4
    assert values["C"]["fc1"] == 500 * 800 / 2
    assert figure.layout.yaxis.categoryarray == ("fc2", "fc1", "conv2", "conv1")  # drawn upwards


def test_a_layer_without_weights_or_without_known_work_has_no_bar():
    rows = [*layers(8), {**layers(8)[0], "layer": "pool", "shape": []}]
    rows[0] = rows[0] | {"macs": None}
    figure = compare_layers.bars(contenders([a_run(layers=rows), a_run()]), "Multiply-accumulates")
    assert {trace.name: list(trace.y) for trace in figure.data} == {
        "A": ["conv2", "fc1", "fc2"],
        "B": ["conv1", "conv2", "fc1", "fc2"],
    }


def test_confusions_become_shares_of_each_true_class_and_the_diagonal_has_no_colour():
    share = compare_confusion.share([[8, 2], [0, 0]])
    assert share.tolist() == [[0.8, 0.2], [0, 0]]
    figure = compare_confusion.matrix(share, ["cat", "dog"], 0.2, compare_confusion.WRONG)
    assert np.isnan(figure.data[0].z[0][0])
    assert figure.data[0].z[0][1] == 0.2
    assert [note.text for note in figure.layout.annotations] == ["80", "0"]


def test_disputes_fall_into_groups_by_who_is_right():
    alone_right = Dispute(0, 1, (1, 2, 2), (0.9, 0.9, 0.9), (True, False, False))
    alone_wrong = Dispute(1, 1, (2, 1, 1), (0.9, 0.9, 0.9), (False, True, True))
    all_wrong = Dispute(2, 1, (2, 3, 3), (0.9, 0.9, 0.9), (False, False, False))
    groups = compare_samples._groups(three())
    kept = {name: [d.sample for d in (alone_right, alone_wrong, all_wrong) if f(d)] for name, f in groups.items()}
    assert kept == {
        "All samples that they answer differently": [0, 1, 2],
        "Only A is right": [0],
        "Only A is wrong": [1],
        "Only B is right": [],
        "Only B is wrong": [],
        "Only C is right": [],
        "Only C is wrong": [],
        "All of them are wrong": [2],
    }
