"""A piece of work as pages see it: a snapshot that never changes, taken whenever somebody asks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """QUEUED and RUNNING jobs are active; the others have ended for good."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """How a job stands now.

    Attributes:
        id: also in the link of the page, so that a reload finds the job again.
        fraction: how much is done, in [0, 1]; it never falls.
        what: what it is doing, in a few words.
        seconds_left: an estimate from the speed so far; None until there is one, and once the job has ended.
        place: 0 running, 1 next, 2 after that, …; None once the job has ended.
        waits: a running job that lets a short one go first.
        result: what the work returned; None unless DONE.
        error: why it failed, for a person; empty unless FAILED.
        run: id of the run that it makes, to look at before it is done; empty if it makes none.
    """

    id: str
    title: str
    session: str
    short: bool
    status: JobStatus
    fraction: float
    what: str
    seconds_left: float | None
    place: int | None
    waits: bool
    result: Any
    error: str
    run: str = ""

    @property
    def active(self) -> bool:
        """Whether it still waits or runs."""
        return self.status in (JobStatus.QUEUED, JobStatus.RUNNING)
