"""The contract of every technique, before anything is applied: its settings, and the card that it shows."""

import inspect
import math
import re
import sys

import pytest

from edgekit.core.errors import SettingError
from edgekit.core.knobs import knobs
from edgekit.core.technique import FAMILIES, Layerwise, Technique
from edgekit.recipe import Recipe
from tests.test_every_technique import ALL, CASES, name_of


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_every_knob_accepts_its_ends_and_each_of_its_choices(technique: type[Technique]):
    for view in knobs(technique):
        ends = [end for end in (view.low, view.high) if end is not None]
        for value in [*ends, *view.choices]:
            value = int(value) if view.kind == "int" else value
            assert getattr(technique.make({view.name: value}), view.name) == value


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_every_number_has_both_ends_and_its_default_lies_between(technique: type[Technique]):
    for view in knobs(technique):
        if view.kind in ("int", "float"):
            assert view.low is not None
            assert view.high is not None
            assert view.low <= view.default <= view.high


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_every_knob_refuses_what_lies_just_outside_by_its_name(technique: type[Technique]):
    for view in knobs(technique):
        wrong = {
            "int": lambda v: [int(v.low) - 1, int(v.high) + 1, math.nan, True, str(v.default), float(v.default) + 0.5],
            "float": lambda v: [
                math.nextafter(v.low, -math.inf), math.nextafter(v.high, math.inf), math.nan, math.inf, True, "0.5"
            ],
            "bool": lambda v: [1, "true"],
            "choice": lambda v: ["no such choice", 7],
            "text": lambda v: [7],
            "names": lambda v: ["conv1", [7]],
            "layers": lambda v: [{"conv*": {"no such setting": 1}}, {"conv*": 3}, ["conv*"]],
        }[view.kind](view)  # fmt: skip
        for value in wrong:
            with pytest.raises(SettingError) as refused:
                technique.make({view.name: value})
            expected = "no setting 'no such setting'" if "no such setting" in str(value) else view.name
            assert technique.title in str(refused.value)
            assert expected in str(refused.value)


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_a_setting_that_does_not_exist_is_refused_with_the_nearest(technique: type[Technique]):
    known = knobs(technique)[0].name
    with pytest.raises(SettingError) as refused:
        technique.make({known + "x": 1})
    assert str(refused.value) == f"{technique.title}: no setting '{known}x'. Did you mean '{known}'?"


@pytest.mark.parametrize("step", CASES, ids=name_of)
def test_a_step_survives_yaml_and_words(step: Technique):
    recipe = Recipe((step,))
    assert Recipe.parse(recipe.to_yaml()) == recipe
    words = ",".join([step.id(), *(f"{name}={value}" for name, value in step.settings().items())])
    assert Recipe.parse(words) == recipe
    assert Recipe.parse(recipe.to_list(all_settings=True)).fingerprint == recipe.fingerprint


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_settings_for_layers_survive_yaml(technique: type[Technique]):
    if issubclass(technique, Layerwise):
        step = technique(skip=["fc*"], layers={"conv1": {}, "stage?.0.*": {}})
        assert Recipe.parse(Recipe((step,)).to_yaml()).steps == (step,)


@pytest.mark.parametrize("technique", ALL, ids=name_of)
def test_the_module_docstring_is_the_card(technique: type[Technique]):
    card = inspect.getdoc(sys.modules[technique.__module__])
    assert re.match(r"[A-Z][^\n]+: .+", card), "opens with the name and the idea"
    for part in ("\nCosts: ", "\nWhen it fails: ", "\nReference: "):
        assert part in card
    assert re.search(r"arXiv:\d{4}\.\d{4,5}", card), "cites a paper"
    assert technique.title
    assert 10 < len(technique.effect) < 90, "says in a line what a file gains and what it does not"
    assert technique.family in FAMILIES
    assert re.search(r"\d{4}", technique.reference)
    assert all(view.knob.help.endswith(".") for view in knobs(technique)), "each knob says what it does, in a sentence"
