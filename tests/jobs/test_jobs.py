"""The queue: one short and one long job at a time, sessions in turn, Cancel at any moment, errors as sentences."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgekit.core.errors import Cancelled, MeasureError
from edgekit.jobs.jobs import ENDED_KEPT, Jobs, JobStatus, jobs
from edgekit.measure.lock import quiet

SOON = 10.0  # seconds that a busy machine may need


class Work:
    """Work that the test holds in its hand: it reports every few milliseconds until it is let go."""

    def __init__(self, result=None, fraction=0.25):
        self.result, self.fraction = result, fraction
        self.started, self.released, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.reports = 0

    def __call__(self, progress):
        self.started.set()
        try:
            while not self.released.wait(0.005):
                progress(self.fraction, "at work")
                self.reports += 1
            return self.result
        finally:
            self.ended.set()


@pytest.fixture
def queue():
    """A queue of this test's own, stopped at its end."""
    made = Jobs()
    yield made
    for job in made.active():
        made.cancel(job.id)
        assert not made.wait(job.id, SOON).active


def until(holds):
    """Wait until something holds."""
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def running(queue, work, **changes):
    """A submitted job that has begun."""
    job = queue.submit("work", work, **{"session": "a"} | changes)
    assert work.started.wait(SOON)
    return job


def done(queue, work, job):
    work.released.set()
    return queue.wait(job.id, SOON)


def test_a_job_runs_and_its_result_stays(queue):
    work = Work(result=42)
    job = running(queue, work)
    assert (job.title, job.session, job.short) == ("work", "a", False)
    until(lambda: queue.get(job.id).what == "at work")
    now = queue.get(job.id)
    assert (now.status, now.fraction, now.place, now.seconds_left, now.active) == (
        JobStatus.RUNNING, 0.25, 0, now.seconds_left, True,
    )  # fmt: skip
    ended = done(queue, work, job)
    assert (ended.status, ended.result, ended.fraction, ended.place) == (JobStatus.DONE, 42, 1.0, None)
    assert (queue.get(job.id), queue.active()) == (ended, [])


def test_an_unknown_job_is_none(queue):
    assert queue.get("never") is None
    queue.cancel("never")


def test_every_session_of_a_process_shares_one_queue():
    assert jobs() is jobs()


def test_the_fraction_never_falls_and_stays_between_0_and_1(queue):
    seen = []

    def work(progress):
        for fraction in (-1, 0.5, 0.2, float("nan"), 0.75, 7.0):
            progress(fraction, "x")
            seen.append(queue.active()[0].fraction)

    job = queue.submit("work", work, session="a")
    assert queue.wait(job.id, SOON).status is JobStatus.DONE
    assert seen == [0, 0.5, 0.5, 0.5, 0.75, 1.0]


def test_a_running_job_is_cancelled_within_a_second(queue):
    work = Work()
    job = running(queue, work)
    started = time.monotonic()
    queue.cancel(job.id)
    assert queue.wait(job.id, SOON).status is JobStatus.CANCELLED
    assert time.monotonic() - started < 1
    assert work.ended.is_set()


def test_a_waiting_job_is_cancelled_at_once_and_never_starts(queue):
    first, second = Work(), Work()
    head = running(queue, first)
    job = queue.submit("work", second, session="a")
    queue.cancel(job.id)
    assert queue.get(job.id).status is JobStatus.CANCELLED
    done(queue, first, head)
    assert not second.started.is_set()


def test_cancelling_what_has_ended_changes_nothing(queue):
    work = Work(result=1)
    ended = done(queue, work, running(queue, work))
    queue.cancel(ended.id)
    assert queue.get(ended.id) == ended


def test_work_that_ends_before_it_notices_the_cancel_is_done(queue):
    begun, go = threading.Event(), threading.Event()

    def deaf(progress):
        begun.set()
        go.wait(SOON)
        return "finished"

    job = queue.submit("work", deaf, session="a")
    assert begun.wait(SOON)
    queue.cancel(job.id)
    assert (queue.get(job.id).status, queue.get(job.id).what) == (JobStatus.RUNNING, "stopping")
    go.set()
    assert queue.wait(job.id, SOON).result == "finished"


def test_work_that_cancels_itself_counts_as_cancelled(queue):
    def work(progress):
        raise Cancelled("elsewhere")

    assert queue.wait(queue.submit("work", work, session="a").id, SOON).status is JobStatus.CANCELLED


def test_a_mistake_that_a_person_can_mend_is_shown_as_it_stands(queue, caplog):
    def work(progress):
        raise MeasureError("the file must be an ONNX file, not a cake. Choose another.")

    ended = queue.wait(queue.submit("work", work, session="a").id, SOON)
    assert (ended.status, ended.error) == (
        JobStatus.FAILED,
        "the file must be an ONNX file, not a cake. Choose another.",
    )
    assert caplog.records == []


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), SystemExit(3), MemoryError()])
def test_what_nobody_expected_is_a_sentence_for_the_person_and_a_traceback_in_the_log(queue, caplog, error):
    def work(progress):
        raise error

    job = queue.submit("Prune it", work, session="a")
    ended = queue.wait(job.id, SOON)
    name = type(error).__name__
    assert (ended.status, ended.error) == (
        JobStatus.FAILED,
        f"Something broke inside EdgeKit ({name}). The log of the server says where. "
        "Try again; if it breaks again, please report it with that part of the log.",
    )
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, f"job {job.id} (Prune it) broke")
    assert record.exc_info[1] is error
    assert queue.wait(queue.submit("next", lambda progress: 1, session="a").id, SOON).result == 1


def test_one_long_job_runs_at_a_time_in_the_order_they_came(queue):
    works = [Work() for _ in range(3)]
    made = [queue.submit(f"work {number}", work, session="a") for number, work in enumerate(works)]
    assert works[0].started.wait(SOON)
    assert [queue.get(job.id).place for job in made] == [0, 1, 2]
    done(queue, works[0], made[0])
    assert works[1].started.wait(SOON)
    assert [queue.get(job.id).place for job in made] == [None, 0, 1]
    assert [job.id for job in queue.active()] == [made[1].id, made[2].id]


def test_sessions_take_turns(queue):
    order, gate = [], Work()
    head = running(queue, gate, session="a")

    def work(name):
        return lambda progress: order.append(name)

    made = [
        queue.submit(name, work(name), session=name[0]) for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1", "b3")
    ]
    promised = [queue.get(job.id).title for job in queue.active()[1:]]
    done(queue, gate, head)
    for job in made:
        queue.wait(job.id, SOON)
    assert order == ["b1", "c1", "a1", "b2", "a2", "b3", "a3", "a4"]
    assert promised == order, "the places shown are the order that comes true"


def test_active_jobs_of_one_session_are_only_its_own(queue):
    mine = running(queue, Work(), session="a")
    theirs = queue.submit("work", Work(), session="b")
    assert [job.id for job in queue.active("a")] == [mine.id]
    assert [job.id for job in queue.active("b")] == [theirs.id]
    assert [job.id for job in queue.active()] == [mine.id, theirs.id]


def test_a_long_job_rests_while_a_short_one_runs(queue):
    long, short = Work(), Work()
    slow = running(queue, long)
    quick = running(queue, short, short=True, session="b")
    until(lambda: queue.get(slow.id).waits)
    before = long.reports
    time.sleep(0.1)
    assert long.reports == before
    assert (queue.get(slow.id).status, queue.get(slow.id).place) == (JobStatus.RUNNING, 0)
    assert not queue.get(quick.id).waits
    done(queue, short, quick)
    until(lambda: long.reports > before)
    assert not queue.get(slow.id).waits


def test_a_long_job_can_be_cancelled_while_it_rests(queue):
    long, short = Work(), Work()
    slow = running(queue, long)
    running(queue, short, short=True)
    until(lambda: queue.get(slow.id).waits)
    queue.cancel(slow.id)
    assert queue.wait(slow.id, 1).status is JobStatus.CANCELLED


def test_a_long_job_does_not_start_while_a_short_one_runs(queue):
    long, short = Work(), Work()
    quick = running(queue, short, short=True)
    queue.submit("work", long, session="a")
    assert not long.started.wait(0.1)
    done(queue, short, quick)
    assert long.started.wait(SOON)


def test_a_long_job_never_rests_with_the_measuring_lock_in_its_hand(queue):
    inside, outside, short = Work(), Work(), Work()

    def long(progress):
        with quiet(progress):
            inside(progress)
        outside(progress)

    slow = queue.submit("work", long, session="a")
    assert inside.started.wait(SOON)
    running(queue, short, short=True)
    before = inside.reports
    until(lambda: inside.reports > before + 3)
    inside.released.set()
    until(lambda: queue.get(slow.id).waits)


def test_a_slot_holds_only_the_newest_job_of_a_session(queue):
    works = [Work(result=number) for number in range(4)]
    first = running(queue, works[0], slot="live", short=True)
    others = [queue.submit("work", Work(), session=s, slot=slot) for s, slot in (("b", "live"), ("a", "else"))]
    made = [queue.submit("work", work, session="a", slot="live", short=True) for work in works[1:]]
    assert queue.wait(first.id, SOON).status is JobStatus.CANCELLED
    assert works[3].started.wait(SOON)
    assert [queue.get(job.id).status for job in made[:2]] == [JobStatus.CANCELLED] * 2
    assert not works[1].started.is_set()
    assert not works[2].started.is_set()
    assert done(queue, works[3], made[2]).result == 3
    assert all(queue.get(job.id).active for job in others)


def test_the_same_work_asked_for_twice_is_one_job(queue):
    work = Work()
    job = running(queue, work, key="recipe", slot="live")
    assert queue.submit("again", Work(), session="a", key="recipe", slot="live").id == job.id
    assert queue.submit("theirs", Work(), session="b", key="recipe").id != job.id
    assert queue.submit("other", Work(), session="a", key="another recipe").id != job.id
    done(queue, work, job)
    assert queue.submit("later", Work(), session="a", key="recipe").id != job.id


def test_work_that_is_being_cancelled_can_be_asked_for_again(queue):
    work = Work()
    job = running(queue, work, key="recipe")
    queue.cancel(job.id)
    assert queue.submit("again", Work(), session="a", key="recipe").id != job.id


def test_ended_jobs_are_kept_for_a_while_and_no_longer(queue):
    made = [queue.submit("work", lambda progress: 1, session="a") for _ in range(ENDED_KEPT + 5)]
    assert queue.wait(made[-1].id, SOON).result == 1
    assert [queue.get(job.id) for job in made[:5]] == [None] * 5
    assert queue.get(made[5].id).result == 1
    assert len(queue._entries) == ENDED_KEPT


def test_the_time_left_is_told_while_a_job_runs(queue):
    reached = threading.Event()
    work = Work(fraction=0.5)

    def steady(progress):
        for step in range(5):
            progress(step / 10, "x")
            time.sleep(0.15)
        reached.set()
        work(progress)

    job = queue.submit("work", steady, session="a")
    assert queue.get(job.id).seconds_left is None
    assert reached.wait(SOON)
    until(lambda: queue.get(job.id).fraction == 0.5)
    assert 0 <= queue.get(job.id).seconds_left < SOON
    assert done(queue, work, job).seconds_left is None


def test_a_server_with_a_job_at_work_can_be_ended_at_once():
    code = """
from edgekit.jobs.jobs import jobs
import threading, time
begun = threading.Event()
def work(progress):
    begun.set()
    time.sleep(60)
jobs().submit("work", work, session="a")
begun.wait()
"""
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=30).returncode == 0
