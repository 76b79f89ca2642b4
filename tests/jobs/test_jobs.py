"""Jobs: progress that never falls, Cancel at any moment, errors as sentences, the same work only once."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgekit.core.errors import Cancelled, MeasureError
from edgekit.jobs.jobs import ENDED_KEPT, JobStatus, jobs
from tests.jobs.work import SOON, Work, done, running, until


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
