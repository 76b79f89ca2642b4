"""What the store knows, as points: the newest of each recipe, latency only from this machine."""

from edgekit.show.points import find, points
from edgekit.store.store import Store
from tests.factories import a_baseline, a_run


def stored(home, *runs):
    with Store.open(home) as store:
        for run in runs:
            store.save(run)
        return store.summaries("lenet5-fashion", 10_000)


def test_a_recipe_measured_twice_is_one_point_the_newer(home):
    older, newer = a_run(), a_run()
    found = points(stored(home, a_baseline(), older, newer), "host")
    assert find(found, older.recipe) == newer.id
    assert len(found) == 2


def test_the_run_that_is_looked_at_stays_even_if_it_is_the_older(home):
    older, newer = a_run(), a_run()
    found = points(stored(home, older, newer), "host", keep=older.id)
    assert [point.id for point in found] == [older.id]


def test_latency_that_another_machine_measured_has_no_place_on_the_axis(home):
    (point,) = points(stored(home, a_run()), "another host")
    assert set(point.measurements) == {"accuracy", "size_bytes"}
    assert point.xy("latency_ms") is None
    assert point.xy("size_bytes") is not None


def test_a_recipe_that_was_never_measured_is_not_found(home):
    assert find(points(stored(home, a_run()), "host"), [{"quantize_fp16": {}}]) is None


def test_a_named_run_is_called_by_its_name(home):
    (point,) = points(stored(home, a_run(name="For the camera")), "host")
    assert point.name == "For the camera"
