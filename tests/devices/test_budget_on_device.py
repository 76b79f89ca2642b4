"""Limits that name a device: held by an estimate, or by what a board really took."""

from datetime import UTC, datetime

import pytest

from edgekit.core.budget import Budget, Limit
from edgekit.core.run import OnBoard
from edgekit.devices import own
from edgekit.devices.estimate import estimate
from edgekit.devices.foreseen import foreseen
from edgekit.devices.read import read
from edgekit.search.autopilot.seen import Seen
from edgekit.search.limits import Wish, known, misses, parse_all
from edgekit.store.store import Store
from tests.devices.boards import a_result, two_runs
from tests.factories import a_measurement, a_run

pytestmark = pytest.mark.usefixtures("own_store")
PI = "raspberry-pi-4"


def test_a_limit_on_a_device_is_read_and_written_alike():
    wish = Wish.parse("latency@raspberry-pi-4=30ms")
    assert (wish.name, wish.device, wish.amount) == ("latency", PI, 30)
    assert Wish.parse(str(wish)) == wish
    assert wish.limit({}) == Limit(metric="latency_ms", worst=30, device=PI)
    assert Wish.parse("fps@raspberry-pi-4=50").limit({}).worst == 20
    assert Wish.parse("energy@raspberry-pi-4=5mJ").limit({}) == Limit(metric="energy_mj", worst=5, device=PI)


def test_average_power_is_limited_at_a_rate():
    wish = Wish.parse("power@raspberry-pi-4=3500mW@30fps")
    assert (wish.amount, wish.rate, Wish.parse(str(wish))) == (3.5, 30, wish)
    limit = wish.limit({})
    assert limit == Limit(metric="power_w", worst=3.5, device=PI, rate=30)
    assert limit.title == "Average power at 30 answers a second on raspberry-pi-4"
    assert limit.key != Wish.parse("power@raspberry-pi-4=3.5W@10fps").limit({}).key


def test_average_power_is_held_against_idle_and_what_the_file_adds_by_its_estimate_or_its_board(tmp_path):
    (limit,) = (wish.limit({}) for wish in parse_all(["power@raspberry-pi-4=3W@30fps"]))
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        time = estimate(read(store.file(run.artifact.sha256)), PI).latency_ms
        found = foreseen(run, [limit])[limit.key]
        assert found.value == pytest.approx(2.9 + 30 * time.value / 1e3 * (6.4 - 2.9))
        assert found.low < found.value < found.high
        own.add(a_result({run.artifact.sha256: 20.0}), run, store)
        timed = foreseen(store.get(run.id), [limit])
        assert timed[limit.key].value == pytest.approx(2.9 + 0.6 * (6.4 - 2.9), rel=0.01)
        own.add(a_result({run.artifact.sha256: 40.0}), store.get(run.id), store)
        assert foreseen(store.get(run.id), [limit]) == {}
    assert limit.miss(timed[limit.key]).startswith(
        "Average power at 30 answers a second on raspberry-pi-4 (estimate) 5.00 W"
    )
    assert limit.miss(None).endswith("is not known, or it cannot hold that rate")


def test_a_limit_here_and_one_there_are_two_limits():
    assert len(parse_all(["latency=5ms", "latency@raspberry-pi-4=30ms", "latency@stm32h7=100ms"])) == 3


def test_it_is_held_against_the_estimate_of_the_file(tmp_path):
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        value = estimate(read(store.file(run.artifact.sha256)), PI).latency_ms.value
        for factor, held in ((1.1, True), (0.9, False)):
            wishes = [Wish(name="latency", amount=factor * value, device=PI)]
            missed = misses(wishes, known(run, wishes), run.baseline_measurements)
            assert (missed == []) is held
            assert (Seen.of(run, True, wishes).missed == ()) is held
    assert missed[0].text.startswith("Latency (median) on raspberry-pi-4 (estimate)")
    assert missed[0].by == pytest.approx(1 / 0.9 - 1)


def test_what_the_board_really_took_goes_before_the_estimate(tmp_path):
    limit = Limit(metric="latency_ms", worst=1, device=PI)
    with Store.open(tmp_path / "store") as store:
        _, run = two_runs(store, tmp_path / "files")
        own.add(a_result({run.artifact.sha256: 123.0}), run, store)
        found = foreseen(store.get(run.id), [limit])
    assert found["latency_ms@raspberry-pi-4"].value == pytest.approx(123)
    assert limit.miss(found[limit.key]) == "Latency (median) on raspberry-pi-4 123 ms is above 1.00 ms"


def test_the_estimate_is_by_a_persons_own_rates_once_a_board_was_timed(tmp_path):
    limit = Limit(metric="latency_ms", worst=1, device=PI)
    with Store.open() as store:
        base, run = two_runs(store, tmp_path / "files")
        ours = foreseen(base, [limit])[limit.key].value
        own.add(a_result({base.artifact.sha256: 3 * ours, run.artifact.sha256: ours}), run, store)
        assert foreseen(store.get(base.id), [limit])[limit.key].value == pytest.approx(3 * ours, rel=0.02)
        own.forget(store.get(run.id).boards[0], store.get(run.id), store)
        assert foreseen(base, [limit])[limit.key].value == pytest.approx(ours)


def test_what_a_board_took_for_the_file_itself_counts_before_what_it_took_for_an_export_of_it():
    limit = Limit(metric="latency_ms", worst=1, device=PI)
    run = a_run()
    own_file, export = a_point(5.0, run.artifact.sha256), a_point(2.0, "f" * 64)
    for boards in ([own_file, export], [export, own_file]):
        assert foreseen(run.model_copy(update={"boards": boards}), [limit])[limit.key].value == 5.0
    assert foreseen(run.model_copy(update={"boards": [export]}), [limit])[limit.key].value == 2.0


def a_point(ms: float, file: str) -> OnBoard:
    return OnBoard(
        board="A board", file=file, device=PI, runtime="a runtime", threads=1,
        latency=a_measurement("latency_ms", ms), baseline=None, ratio=None, speed="", taken=datetime.now(UTC),
    )  # fmt: skip


def test_what_is_not_known_there_is_a_miss():
    wishes = [Wish.parse("latency@raspberry-pi-4=30ms")]
    run = a_run()  # its file is nowhere
    (missed,) = misses(wishes, known(run, wishes), {})
    assert missed.text == "Latency (median) on raspberry-pi-4 is not known"


def test_a_budget_may_name_a_device_beside_its_three_limits():
    assert Budget().there is None
    budget = Budget(device=PI, device_latency_ms=30)
    assert budget.there == Limit(metric="latency_ms", worst=30, device=PI)
    assert len(budget.limits(None)) == 2
