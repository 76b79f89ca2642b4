"""Settings read back as knobs, refused with all that is wrong, and parsed from words."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from edgekit.core.errors import SettingError
from edgekit.core.knobs import Knob, KnobView, build, knobs, parse

SHARE = Knob(unit="share", step=0.05, help="How much.")


class Settings(BaseModel):
    """One knob of each kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rare: Annotated[bool, Knob(help="Folded away.", advanced=True)] = False
    share: Annotated[float, SHARE] = Field(0.5, ge=0, le=0.9)
    bits: Annotated[int, Knob(help="Bits.")] = Field(8, ge=2, le=8)
    scope: Annotated[Literal["global", "per layer"], Knob(help="Where.")] = "global"
    limit: Annotated[int | None, Knob(help="At most.")] = None
    note: str = Field("", description="Any words.")
    skip: Annotated[list[str], Knob(help="Names.")] = Field(default_factory=list)
    layers: Annotated[dict[str, dict], Knob(help="Patterns.")] = Field(default_factory=dict)


def test_a_knob_is_read_back_with_range_default_and_help():
    assert knobs(Settings)[0] == KnobView("share", "float", 0.5, 0, 0.9, (), SHARE)


def test_advanced_knobs_come_last_and_the_others_as_declared():
    assert [view.name for view in knobs(Settings)] == [
        "share", "bits", "scope", "limit", "note", "skip", "layers", "rare",
    ]  # fmt: skip


def test_what_it_shares_with_others_comes_after_its_own():
    class Own(Settings):
        """Says the bits otherwise than what it shares."""

        own: Annotated[int, Knob(help="Its own.")] = Field(1, ge=0, le=2)
        bits: Annotated[int, Knob(help="Fewer bits.")] = Field(2, ge=2, le=4)

    assert [view.name for view in knobs(Own)] == [
        "own", "bits", "share", "scope", "limit", "note", "skip", "layers", "rare",
    ]  # fmt: skip


def test_kinds_follow_from_types():
    assert {view.name: view.kind for view in knobs(Settings)} == {
        "rare": "bool", "share": "float", "bits": "int", "scope": "choice", "limit": "int", "note": "text",
        "skip": "names", "layers": "layers",
    }  # fmt: skip


def test_choices_are_listed_and_a_plain_description_serves_as_help():
    views = {view.name: view for view in knobs(Settings)}
    assert views["scope"].choices == ("global", "per layer")
    assert views["note"].knob.help == "Any words."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"share": 1.5}, "Test: share must be less than or equal to 0.9, not 1.5"),
        ({"share": float("nan")}, "Test: share must be a finite number, not nan"),
        ({"bits": True}, "Test: bits must be a valid integer, not True"),
        ({"bits": "8"}, "Test: bits must be a valid integer, not '8'"),
        ({"scope": "layer"}, "Test: scope must be 'global' or 'per layer', not 'layer'"),
        ({"skip": [1]}, "Test: skip.0 must be a valid string, not 1"),
        ({"shar": 0.5}, "Test: no setting 'shar'. Did you mean 'share'?"),
        ({1: 2}, "Test: no setting '1'. There are: bits, layers, limit, note, rare, scope, share, skip."),
        (
            {"share": -1, "bits": 9, "zzz": 1},
            "Test: share must be greater than or equal to 0, not -1; bits must be less than or equal to 8, not 9; "
            "no setting 'zzz'. There are: bits, layers, limit, note, rare, scope, share, skip.",
        ),
    ],
)
def test_everything_wrong_is_said_at_once(values: dict, message: str):
    with pytest.raises(SettingError) as refused:
        build(Settings, "Test", values)
    assert str(refused.value) == message


def test_words_become_the_types_of_their_knobs():
    words = {
        "share": "0.25",
        "bits": "4",
        "rare": "yes",
        "scope": "per layer",
        "note": "4",
        "skip": "a+b",
        "limit": "3",
    }
    assert parse(Settings, words) == {
        "share": 0.25, "bits": 4, "rare": True, "scope": "per layer", "note": "4", "skip": ["a", "b"], "limit": 3,
    }  # fmt: skip


def test_words_that_do_not_parse_stay_text_so_that_they_are_refused_by_name():
    assert parse(Settings, {"bits": "four", "rare": "maybe", "who": "knows"}) == {
        "bits": "four", "rare": "maybe", "who": "knows",
    }  # fmt: skip
    with pytest.raises(SettingError, match="bits must be a valid integer, not 'four'"):
        build(Settings, "Test", parse(Settings, {"bits": "four"}))
