"""How many calibration samples are enough: the recipe changes in that number alone, and every point is a run."""

from edgekit.core.measurement import quality
from edgekit.library import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.search.calibration_curve import calibration_curve, with_samples
from edgekit.store.store import Store


def test_only_the_last_static_step_gets_other_samples():
    recipe = [{"prune_channels": {}}, {"quantize_static": {"skip": ["fc2"]}}]
    assert with_samples(recipe, 8) == [{"prune_channels": {}}, {"quantize_static": {"skip": ["fc2"], "samples": 8}}]


def test_every_point_is_a_run_that_is_found_again(home, monkeypatch):
    monkeypatch.setattr("edgekit.search.calibration_curve.SIZES", (8, 64))
    told = []
    with Store.open() as store:
        run = compress(load("lenet5-fashion"), Recipe.parse("quantize_static"), store=store, samples=300)
        points = calibration_curve(run, store, 300, lambda fraction, what: told.append(fraction))
        again = calibration_curve(run, store, 300)
        assert [quality(store.get(point.run).measurements) for point in points] == [p.quality for p in points]
        assert [store.get(point.run).recipe[0]["quantize_static"]["samples"] for point in points] == [8, 64]
    assert again == points
    assert told == sorted(told)
    assert told[-1] == 1.0
