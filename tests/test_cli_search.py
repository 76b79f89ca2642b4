"""The verbs search and sweep: one stable object with --json, lines for a person without, sentences for mistakes."""

import json

import pytest
from typer.testing import CliRunner

from edgekit.cli import app
from edgekit.core.errors import EdgeKitError

pytestmark = pytest.mark.usefixtures("own_store")
SEARCH = ["search", "lenet5-fashion", "--limit", "accuracy_drop=2", "--limit", "size=0.3x", "--minutes", "20"]


def said(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_search_prints_the_winner_with_both_of_its_scores_and_goes_on_by_its_id():
    found = json.loads(said(*SEARCH, "--trials", "1", "--json"))
    assert (found["status"], found["limits"]) == ("done", ["accuracy_drop=2", "size=0.3x"])
    assert (found["validation"]["split"], found["test"]["split"]) == ("validation", "test")
    assert found["winner"]["size_ratio"] <= 0.3
    assert found["winner"]["recipe"] == found["test"]["recipe"]
    assert {"frontier", "nearest_misses", "covered", "missed_in_test", "failed"} <= set(found)
    again = json.loads(said("search", "--resume", found["id"], "--json"))
    assert again["test"]["id"] == found["test"]["id"]
    assert "on the test set:" in said("search", "--resume", found["id"])


def test_a_sweep_prints_every_point_and_says_which_could_not_be_measured():
    grid = "prune_weights.sparsity=0.0,0.5 × quantize_static.samples=32"
    points = json.loads(said("sweep", "lenet5-fashion", "--grid", grid, "--samples", "100", "--json"))["points"]
    assert [bool(point["run"]) for point in points] == [False, True]
    assert points[0]["error"] in said("sweep", "lenet5-fashion", "--grid", grid, "--samples", "100")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search"], "search needs a model, or --resume ID to go on with an earlier search; one of the two."),
        (["search", "lenet5-fashion"], "a search needs at least one limit, such as accuracy_drop=1 or size=500KB."),
        (["search", "lenet5-fashion", "--limit", "sze=1KB"], "no limit 'sze'. Did you mean 'size'?"),
        (["search", "--resume", "nobody"], "no search 'nobody' in the store: it was deleted, or it is in another one."),
    ],
)
def test_a_mistake_is_said_in_a_sentence(words, sentence):
    with pytest.raises(EdgeKitError) as refused:
        said(*words)
    assert str(refused.value) == sentence
