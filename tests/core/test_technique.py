"""What all techniques share: settings as values, and settings for some layers."""

import pytest
from pydantic import ValidationError

from edgekit.core.errors import SettingError
from edgekit.core.knobs import knobs
from edgekit.techniques.prune_weights import PruneWeights


def test_the_id_is_the_name_of_the_file():
    assert PruneWeights.id() == "prune_weights"


def test_settings_leave_out_defaults_unless_asked():
    step = PruneWeights(sparsity=0.3)
    assert step.settings() == {"sparsity": 0.3}
    assert step.settings(all_of_them=True) == {view.name: view.default for view in knobs(PruneWeights)} | {
        "sparsity": 0.3
    }


def test_settings_are_values_and_cannot_be_changed():
    assert PruneWeights(sparsity=0.3) == PruneWeights(sparsity=0.3)
    with pytest.raises(ValidationError):
        PruneWeights().sparsity = 0.1


def test_the_first_pattern_that_fits_wins():
    step = PruneWeights(layers={"conv*": {"sparsity": 0.1}, "conv1": {"sparsity": 0.2}})
    assert step.for_layer("conv1").sparsity == 0.1
    assert step.for_layer("fc") == step


def test_what_a_pattern_does_not_set_stays_as_for_all_layers():
    own = PruneWeights(sparsity=0.9, scope="per layer", layers={"fc?": {"sparsity": 0.1}}).for_layer("fc1")
    assert (own.sparsity, own.scope, own.layers, own.skip) == (0.1, "per layer", {}, [])


def test_skip_wins_over_layers():
    step = PruneWeights(layers={"conv1": {"sparsity": 0.2}}, skip=["conv?"])
    assert step.for_layer("conv1") is None


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"conv*": {"sparsity": 2}},
            "Magnitude pruning, layers['conv*']: sparsity must be less than or equal to 0.99, not 2",
        ),
        (
            {"conv*": {"sparsty": 0.2}},
            "Magnitude pruning, layers['conv*']: no setting 'sparsty'. Did you mean 'sparsity'?",
        ),
        ({"conv*": {"skip": ["a"]}}, "Magnitude pruning: layers['conv*'] cannot hold skip"),
        ({"conv*": 3}, "Magnitude pruning: layers.conv* must be a valid dictionary, not 3"),
    ],
)
def test_settings_for_layers_are_checked_when_the_step_is_made(layers: dict, message: str):
    with pytest.raises(SettingError) as refused:
        PruneWeights.make({"layers": layers})
    assert str(refused.value) == message
