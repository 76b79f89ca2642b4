"""The queue: one short and one long job at a time, long ones rest for short ones, sessions take turns."""

import time

from edgekit.jobs.jobs import JobStatus
from edgekit.measure.lock import quiet
from tests.jobs.work import SOON, Work, done, running, until


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
