"""Work to queue: held in the test's hand, so that nothing depends on how fast the machine is."""

import threading
import time

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
