"""What a person can afford: limits on measured numbers. An unknown number is a miss, never a pass."""

from pydantic import BaseModel, Field

from edgekit.core.measurement import METRICS, Measurement
from edgekit.core.numbers import number, percent


class Limit(BaseModel, frozen=True):
    """The worst value that is still good enough, of one metric."""

    metric: str
    worst: float

    def miss(self, measurement: Measurement | None) -> str | None:
        """Why this is not within the limit, or None if it is."""
        metric = METRICS[self.metric]
        if measurement is None:
            return f"{metric.title} is not known"
        good = measurement.value >= self.worst if metric.more_is_better else measurement.value <= self.worst
        if good:
            return None
        side = "below" if metric.more_is_better else "above"
        value, worst = (
            percent(one, 2) if metric.unit == "fraction" else number(self.metric, one)
            for one in (measurement.value, self.worst)
        )
        return f"{metric.title} {value} is {side} {worst}"


class Budget(BaseModel, frozen=True):
    """The three limits every page shows.

    Attributes:
        accuracy_drop: points (hundredths) that accuracy, or what stands in for it, may be below the original network's.
    """

    size_bytes: float = Field(5e6, gt=0)
    latency_ms: float = Field(100.0, gt=0)
    accuracy_drop: float = Field(1.0, ge=0)

    def limits(self, baseline: Measurement | None) -> list[Limit]:
        """The budget as limits.

        Args:
            baseline: how good the uncompressed network is; without it there is no accuracy to hold.
        """
        limits = [Limit(metric="size_bytes", worst=self.size_bytes), Limit(metric="latency_ms", worst=self.latency_ms)]
        if baseline is not None:
            limits.append(Limit(metric=baseline.metric, worst=baseline.value - self.accuracy_drop / 100))
        return limits
