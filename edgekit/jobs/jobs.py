"""Work that outlives the click that asked for it: a queue, progress, and Cancel within a second.

There are two lanes. Short jobs (a point measured while a person waits) run one at a time as they come; long ones
(training, sweeps) run one at a time as well, and rest inside their progress while a short one is at work. Within a lane
the sessions take turns. Threads are daemons: Ctrl-C ends the server, and the store shows what was lost as interrupted.
"""

from __future__ import annotations

import functools
import itertools
import logging
import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgekit.core.errors import Cancelled, EdgeKitError
from edgekit.core.memory import give_back
from edgekit.core.progress import Progress
from edgekit.jobs.clock import Clock
from edgekit.jobs.job import Job, JobStatus
from edgekit.measure.lock import holding

__all__ = ["Job", "JobStatus", "Jobs", "jobs"]

ENDED_KEPT = 200
Work = Callable[[Progress], Any]
log = logging.getLogger(__name__)


@functools.cache
def jobs() -> Jobs:
    """The jobs of this process, shared by all its sessions."""
    return Jobs()


@dataclass(eq=False)
class _Entry:
    """A job as the queue sees it."""

    id: str
    title: str
    work: Work
    session: str
    short: bool
    key: str
    slot: str
    run: str
    number: int
    status: JobStatus = JobStatus.QUEUED
    fraction: float = 0.0
    what: str = ""
    clock: Clock | None = None
    cancelled: bool = False
    waits: bool = False
    result: Any = None
    error: str = ""

    @property
    def active(self) -> bool:
        return self.status in (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass
class _Lane:
    """Jobs of one kind: the waiting ones by age, the one at work, and who had a turn when."""

    waiting: list[_Entry] = field(default_factory=list)
    running: _Entry | None = None
    worker: threading.Thread | None = None
    last_turn: dict[str, int] = field(default_factory=dict)  # session -> number of its latest turn

    def in_order(self) -> list[_Entry]:
        """The waiting jobs in the order in which they will run if none comes or goes: sessions in turn."""
        turns, order, waiting = dict(self.last_turn), [], list(self.waiting)
        while waiting:
            entry = min(waiting, key=lambda e: (turns.get(e.session, 0), e.number))
            waiting.remove(entry)
            order.append(entry)
            turns[entry.session] = max(turns.values(), default=0) + 1
        return order


class Jobs:
    """A queue with its workers. Pages use the one that `jobs()` returns."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: dict[str, _Entry] = {}
        self._short, self._long = _Lane(), _Lane()
        self._numbers = itertools.count(1)

    def submit(
        self, title: str, work: Work, *, session: str, short: bool = False, key: str = "", slot: str = "", run: str = ""
    ) -> Job:
        """Queue `work`, which is called with a Progress on a thread of its own.

        Args:
            session: whose it is: sessions take turns.
            short: whether it takes a second or so, and goes before long work.
            key: what the work is; while a job of this session with the same key is active, that one is returned.
            slot: a place that holds one job of a session; a newer job cancels the one that is there.
            run: id of the run that the work makes, for those who watch it.
        """
        with self._changed:
            mine = [e for e in self._entries.values() if e.active and e.session == session and not e.cancelled]
            if same := next((e for e in mine if key and e.key == key), None):
                return self._snapshot(same)
            for older in mine:
                if slot and older.slot == slot:
                    self._cancel(older)
            entry = _Entry(secrets.token_hex(8), title, work, session, short, key, slot, run, next(self._numbers))
            self._entries[entry.id] = entry
            lane = self._lane(entry)
            lane.waiting.append(entry)
            if lane.worker is None:
                lane.worker = threading.Thread(
                    target=self._work_through, args=(lane,), name=f"edgekit-{'short' if short else 'long'}", daemon=True
                )
                lane.worker.start()
            self._changed.notify_all()
            return self._snapshot(entry)

    def get(self, id: str) -> Job | None:
        """The job with this id, or None if there is none: it ended long ago, or the server started again since."""
        with self._changed:
            entry = self._entries.get(id)
            return self._snapshot(entry) if entry else None

    def active(self, session: str | None = None) -> list[Job]:
        """The jobs that run or wait, in the order of their places; of one session, or of all."""
        with self._changed:
            order = [e for e in self._in_order() if session is None or e.session == session]
            return [self._snapshot(entry) for entry in order]

    def cancel(self, id: str) -> None:
        """Stop a job: at once if it waits, at its next progress call if it runs. One that has ended stays as it is."""
        with self._changed:
            if (entry := self._entries.get(id)) and entry.active:
                self._cancel(entry)

    def wait(self, id: str, seconds: float | None = None) -> Job | None:
        """The job once it has ended, or as it stands after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: id not in self._entries or not self._entries[id].active, seconds)
        return self.get(id)

    def _lane(self, entry: _Entry) -> _Lane:
        return self._short if entry.short else self._long

    def _cancel(self, entry: _Entry) -> None:
        entry.cancelled = True
        if entry.status is JobStatus.QUEUED:
            self._lane(entry).waiting.remove(entry)
            self._end(entry, JobStatus.CANCELLED)
        else:
            entry.what = "stopping"
        self._changed.notify_all()

    def _end(self, entry: _Entry, status: JobStatus) -> None:
        entry.status, entry.waits, entry.work = status, False, None
        ended = [e.id for e in self._entries.values() if not e.active]
        for id in ended[:-ENDED_KEPT]:
            del self._entries[id]
        self._changed.notify_all()

    def _work_through(self, lane: _Lane) -> None:
        """A worker's life: one job after another, until none is left."""
        while True:
            with self._changed:
                if not lane.waiting:
                    lane.worker = None
                    lane.last_turn.clear()
                    return
                if lane is self._long and self._short_at_work():
                    self._changed.wait()
                    continue
                entry = lane.in_order()[0]
                lane.waiting.remove(entry)
                lane.running = entry
                lane.last_turn[entry.session] = max(lane.last_turn.values(), default=0) + 1
                entry.status, entry.clock, entry.what = JobStatus.RUNNING, Clock(), "starting"
            status = self._run(entry)
            if not lane.waiting:  # the next job would wait for it
                give_back()
            with self._changed:
                lane.running = None
                self._end(entry, status)

    def _run(self, entry: _Entry) -> JobStatus:
        try:
            result = entry.work(functools.partial(self._report, entry))
        except Cancelled:
            return JobStatus.CANCELLED
        except EdgeKitError as error:
            entry.error = str(error)
            return JobStatus.FAILED
        except BaseException as error:  # whatever it is must not end the worker
            log.exception("job %s (%s) broke", entry.id, entry.title)
            entry.error = (
                f"Something broke inside EdgeKit ({type(error).__name__}). The log of the server says where. "
                "Try again; if it breaks again, please report it with that part of the log."
            )
            return JobStatus.FAILED
        with self._changed:
            entry.result, entry.fraction = result, 1.0
        return JobStatus.DONE

    def _report(self, entry: _Entry, fraction: float, what: str) -> None:
        """The Progress of a job: note how far it is, rest while a short job works, and stop it once it is cancelled."""
        with self._changed:
            if entry.cancelled:
                raise Cancelled(f"{entry.title} was cancelled")
            if math.isfinite(fraction):
                entry.fraction = min(1.0, max(entry.fraction, fraction))
            entry.what = what
            entry.clock.reached(entry.fraction)
            if entry.short or holding() or not self._short_at_work():
                return
            entry.waits = True
            entry.clock.pause()
            self._changed.wait_for(lambda: entry.cancelled or not self._short_at_work())
            entry.clock.go_on()
            entry.waits = False
            if entry.cancelled:
                raise Cancelled(f"{entry.title} was cancelled")

    def _short_at_work(self) -> bool:
        return bool(self._short.running or self._short.waiting)

    def _in_order(self) -> list[_Entry]:
        running = [lane.running for lane in (self._short, self._long) if lane.running]
        return running + self._short.in_order() + self._long.in_order()

    def _snapshot(self, entry: _Entry) -> Job:
        place = None
        if entry.active:
            waiting = [e for e in self._in_order() if e.status is JobStatus.QUEUED]
            place = waiting.index(entry) + 1 if entry in waiting else 0
        left = entry.clock.seconds_left() if entry.status is JobStatus.RUNNING else None
        return Job(
            entry.id, entry.title, entry.session, entry.short, entry.status, entry.fraction, entry.what, left, place,
            entry.waits, entry.result, entry.error, entry.run,
        )  # fmt: skip
