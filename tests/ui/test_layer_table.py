"""The layer table of a file beside that of the original."""

from edgekit.ui.layer_table import changes, frame
from tests.factories import a_baseline, a_run


def test_the_layer_table_says_what_is_left_and_what_happened():
    run, base = a_run(), a_baseline()
    run.layers = [row | {"params": row["params"] // 2} for row in run.layers]
    table = frame(run, base)
    assert list(table["Layer"]) == ["conv1", "conv2", "fc1", "fc2"]
    assert list(table["Parameters kept"].round(2)) == [0.5] * 4
    assert table["Shape"][0] == "20 × 1 × 5 × 5"
    assert table["What happened"][0] == "uint8 activations, int8 weights"


def test_changes_of_several_steps_are_told_in_order():
    told = [{"step": 1, "layer": "fc1", "what": "half kept"}, {"step": 2, "layer": "fc1", "what": "int8 weights"}]
    assert changes(told) == {"fc1": "half kept; int8 weights"}
