"""The time left: nothing while too little is known, then judged by the recent speed, without the pauses."""

import pytest

from edgekit.jobs.clock import Clock


class Watch:
    """A watch that the test sets."""

    time = 100.0

    def __call__(self):
        return self.time


@pytest.fixture
def watch():
    return Watch()


def advance(clock, watch, seconds, fraction):
    watch.time += seconds
    clock.reached(fraction)


def test_nothing_is_said_before_half_a_second_and_two_hundredths(watch):
    clock = Clock(watch)
    assert clock.seconds_left() is None
    advance(clock, watch, 0.4, 0.3)
    assert clock.seconds_left() is None
    slow = Clock(watch)
    advance(slow, watch, 10, 0.01)
    assert slow.seconds_left() is None


def test_steady_work_is_judged_exactly(watch):
    clock = Clock(watch)
    for step in range(1, 5):
        advance(clock, watch, 1, step / 10)
    assert clock.seconds_left() == pytest.approx(6)


def test_it_counts_down_between_two_reports_and_never_below_nothing(watch):
    clock = Clock(watch)
    advance(clock, watch, 2, 0.5)
    watch.time += 1.5
    assert clock.seconds_left() == pytest.approx(0.5)
    watch.time += 10
    assert clock.seconds_left() == 0


def test_the_later_half_counts_when_work_slows_down(watch):
    clock = Clock(watch)
    advance(clock, watch, 1, 0.5)  # quick
    for step in range(1, 11):
        advance(clock, watch, 1, 0.5 + step / 100)  # then a hundredth a second
    assert clock.seconds_left() == pytest.approx(40)


def test_pauses_are_no_work(watch):
    clock = Clock(watch)
    advance(clock, watch, 2, 0.5)
    clock.pause()
    watch.time += 60
    assert (clock.worked(), clock.seconds_left()) == (2, pytest.approx(2))
    clock.go_on()
    advance(clock, watch, 1, 0.75)
    assert (clock.worked(), clock.seconds_left()) == (3, pytest.approx(1))


def test_a_million_reports_take_little_room(watch):
    clock = Clock(watch)
    for step in range(1, 5001):
        advance(clock, watch, 0.01, step / 10_000)
    assert len(clock._points) <= 201
    assert clock.seconds_left() == pytest.approx(50, rel=0.02)
