"""The Autopilot page: what it asks, what it shows of a search that has ended, and how one begins and goes on."""

import dataclasses

import pytest

from edgekit.jobs.jobs import jobs
from edgekit.search.autopilot.kept import begin, latest
from edgekit.search.autopilot.search import search
from edgekit.store.store import Store
from tests.pages import fine, opened
from tests.search.autopilot.made_up import Formula

PAGE, LENET = "pages/autopilot.py", "lenet5-fashion"
pytestmark = pytest.mark.usefixtures("own_store")


def texts(app) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.info, *app.warning])


def searched(*limits: str, trials: int = 12):
    with Store.open() as store:
        return search(LENET, limits, trials=trials, executor=Formula(store), store=store)


def test_before_the_first_search_it_says_what_to_do_and_asks_for_the_usual_limits():
    app = fine(opened(PAGE))
    assert "Say what the file must hold" in texts(app)
    asked = {one.key: one.value for one in app.number_input if one.key.startswith("limit_")}
    assert asked["limit_accuracy_drop"] == 1.0
    assert {name for name, value in asked.items() if value is None} >= {"limit_size", "limit_latency", "limit_memory"}


def test_the_winner_is_shown_with_both_of_its_numbers_and_can_be_taken_home():
    found = searched("accuracy_drop=1", "size=0.3x")
    app = fine(opened(PAGE))
    assert "Best: " in texts(app)
    numbers = app.table[0].value
    assert list(numbers.columns)[2:] == ["On validation samples", "On the test set"]
    assert list(numbers["Limit"])[:2] == ["accuracy_drop=1", "size=0.3x"]
    assert "–" not in list(numbers["On the test set"])
    assert app.get("page_link")
    assert found.confirmed.id


def test_where_nothing_holds_the_limits_the_nearest_misses_say_what_they_miss():
    searched("accuracy_drop=0.01", "size=0.02x")
    app = fine(opened(PAGE))
    assert "No recipe that was tried holds every limit" in texts(app)
    assert "Size on disk" in " ".join(app.table[0].value["What it misses"])


def test_a_search_that_was_interrupted_goes_on_where_it_was():
    with Store.open() as store:
        begun = begin(LENET, ["accuracy_drop=1"], store=store)
        store.save_search(dataclasses.replace(store.get_search(begun.id), status="running", owner="host:1:gone"))
    app = fine(opened(PAGE))
    assert "Interrupted" in texts(app)
    fine(app.button(key="resume_search").click().run())
    assert app.query_params["search"] == begun.id
    assert [job.title for job in jobs().active()] == ["Searching for LeNet-5"]


def test_a_search_begins_with_what_was_asked_for_and_is_in_the_address():
    app = fine(opened(PAGE))
    app.number_input(key="limit_size").set_value(500.0)
    app.number_input(key="minutes").set_value(0.5)
    fine(app.button(key="search").click().run())
    with Store.open() as store:
        (kept,) = latest(store)
    assert (kept.limits, kept.minutes, kept.training) == (["size=500KB", "accuracy_drop=1"], 0.5, "none")
    assert app.query_params["search"] == kept.id
    assert {button.key for button in app.button} >= {"pause_search", "stop_search"}


def test_limits_on_a_device_are_of_latency_and_where_its_power_is_known_of_energy_and_watts():
    app = fine(opened(PAGE))
    app = fine(app.selectbox(key="limit_device").select("jetson-nano").run())
    assert {one.key for one in app.number_input if one.key.startswith("limit_device")} == {"limit_device_latency"}
    app = fine(app.selectbox(key="limit_device").select("raspberry-pi-4").run())
    for name, amount in {"latency": 30.0, "energy": 20.0, "power": 4.0, "rate": 25.0}.items():
        app.number_input(key=f"limit_device_{name}").set_value(amount)
    fine(app.run().button(key="search").click().run())
    with Store.open() as store:
        (kept,) = latest(store)
    assert kept.limits[-3:] == [
        "latency@raspberry-pi-4=30ms", "energy@raspberry-pi-4=20mJ", "power@raspberry-pi-4=4W@25fps"
    ]  # fmt: skip


def test_a_grid_that_is_none_is_refused_when_it_is_asked_for():
    app = fine(opened(PAGE))
    app.text_input(key="grid").set_value("prune_channels.sparsty=0.1")
    app.button(key="sweep").click().run()
    assert [error.value for error in app.error] == ["Channel pruning: no setting 'sparsty'. Did you mean 'sparsity'?"]
    assert jobs().active() == []
