"""How long a job still needs, judged by its speed over the later half of the time it has worked."""

import time
from collections.abc import Callable

FIRST_ESTIMATE_SECONDS = 0.5
FIRST_ESTIMATE_FRACTION = 0.02
POINTS_KEPT = 200


class Clock:
    """Seconds at work, without the pauses, and what was done by when."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._started = now()
        self._paused_at: float | None = None
        self._points = [(0.0, 0.0)]  # (seconds at work, fraction done), both rising

    def pause(self) -> None:
        """Stop counting."""
        self._paused_at = self._now()

    def go_on(self) -> None:
        """Count again."""
        self._started += self._now() - self._paused_at
        self._paused_at = None

    def worked(self) -> float:
        """Seconds at work so far."""
        now = self._now() if self._paused_at is None else self._paused_at
        return now - self._started

    def reached(self, fraction: float) -> None:
        """Note that `fraction` is done now."""
        if fraction > self._points[-1][1]:
            self._points.append((self.worked(), fraction))
        if len(self._points) > POINTS_KEPT:
            self._points = [*self._points[:-1:2], self._points[-1]]

    def seconds_left(self) -> float | None:
        """An estimate that counts down between two reports; None while too little is known."""
        seconds, fraction = self._points[-1]
        if seconds < FIRST_ESTIMATE_SECONDS or fraction < FIRST_ESTIMATE_FRACTION:
            return None
        then, before = next(point for point in reversed(self._points) if point[0] <= seconds / 2)
        rate = (fraction - before) / (seconds - then)  # fraction a second
        return max(0.0, (1 - fraction) / rate - (self.worked() - seconds))
