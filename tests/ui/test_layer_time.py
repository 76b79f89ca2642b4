"""Where the time goes, before and after: bars and slices are sums of the same operators."""

import pytest

from edgekit.measure.profile import THE_REST, Operator, Profile
from edgekit.ui.layer_time import by_kind, by_layer, colours, shares

PLAIN = Profile(("conv", "fc"), (Operator("Conv", "conv", 3.0), Operator("Gemm", "fc", 1.0)))
CODES = Profile(
    ("conv", "fc"),
    (
        Operator("QLinearConv", "conv", 1.0),
        Operator("QGemm", "fc", 0.5),
        Operator("QuantizeLinear", THE_REST, 0.3),
        Operator("ReorderOutput", THE_REST, 0.19),
        Operator("Flatten", THE_REST, 0.01),
    ),
)
BOTH = {"Original": PLAIN, "This file": CODES}


def test_every_layer_has_a_bar_in_each_file_that_spends_time_in_it():
    before, after = by_layer(BOTH).data
    assert dict(zip(before.y, before.x, strict=True)) == {"conv": 3.0, "fc": 1.0}
    assert dict(zip(after.y, after.x, strict=True)) == {"conv": 1.0, "fc": 0.5, THE_REST: pytest.approx(0.5)}


def test_kinds_with_hardly_any_time_are_one_slice_and_all_add_up():
    pie = by_kind(CODES, colours(BOTH)).data[0]
    assert list(pie.labels) == ["QLinearConv", "QGemm", "QuantizeLinear", "ReorderOutput", "others"]
    assert sum(pie.values) == pytest.approx(2.0)


def test_the_share_of_conversions_is_told_and_what_it_means():
    before, after, why = shares(BOTH)
    assert "0.0 % of the time converts" in before
    assert "15.0 % of the time converts between floats and integers, 9.5 % changes the layout" in after
    assert "not as fast" in why
    assert len(shares({"Original": PLAIN, "Same": PLAIN})) == 2
