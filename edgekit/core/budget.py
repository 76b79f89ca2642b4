"""What a person can afford: limits on measured numbers. An unknown number is a miss, never a pass."""

from pydantic import BaseModel, Field

from edgekit.core.measurement import METRICS, Measurement, Origin
from edgekit.core.numbers import number, percent


class Limit(BaseModel, frozen=True):
    """The worst value that is still good enough, of one metric.

    Attributes:
        device: the id of the device on which it counts; empty for this computer, and where that does not matter.
        rate: answers a second, of what depends on how often the device is asked; 0 of all else.
    """

    metric: str
    worst: float
    device: str = ""
    rate: float = 0.0

    @property
    def key(self) -> str:
        """Under which a value for it is found: the metric, or "latency_ms@raspberry-pi-4"."""
        rate = f"@{self.rate:g}" if self.rate else ""
        return f"{self.metric}@{self.device}{rate}" if self.device else self.metric

    @property
    def title(self) -> str:
        """What is limited, in words; what is known of another device is mostly an estimate."""
        rate = f" at {self.rate:g} answers a second" if self.rate else ""
        return METRICS[self.metric].title + rate + (f" on {self.device}" if self.device else "")

    def miss(self, measurement: Measurement | None) -> str | None:
        """Why this is not within the limit, or None if it is."""
        metric = METRICS[self.metric]
        if measurement is None:
            return f"{self.title} is not known{', or it cannot hold that rate' if self.rate else ''}"
        good = measurement.value >= self.worst if metric.more_is_better else measurement.value <= self.worst
        if good:
            return None
        side = "below" if metric.more_is_better else "above"
        value, worst = (
            percent(one, 2) if metric.unit == "fraction" else number(self.metric, one)
            for one in (measurement.value, self.worst)
        )
        estimated = " (estimate)" if measurement.origin is Origin.ESTIMATED and self.device else ""
        return f"{self.title}{estimated} {value} is {side} {worst}"


class Budget(BaseModel, frozen=True):
    """The limits every page shows.

    Attributes:
        device, device_latency_ms: an estimate there that must not be above; no such limit where one is not named.
        accuracy_drop: points (hundredths) that accuracy, or what stands in for it, may be below the original network's.
    """

    size_bytes: float = Field(5e6, gt=0)
    latency_ms: float = Field(100.0, gt=0)
    accuracy_drop: float = Field(1.0, ge=0)
    device: str = ""
    device_latency_ms: float | None = Field(None, gt=0)

    def limits(self, baseline: Measurement | None) -> list[Limit]:
        """The budget as limits.

        Args:
            baseline: how good the uncompressed network is; without it there is no accuracy to hold.
        """
        limits = [Limit(metric="size_bytes", worst=self.size_bytes), Limit(metric="latency_ms", worst=self.latency_ms)]
        if baseline is not None:
            limits.append(Limit(metric=baseline.metric, worst=baseline.value - self.accuracy_drop / 100))
        return limits

    @property
    def there(self) -> Limit | None:
        """The limit on another device, if there is one: its value is an estimate, so it is not among `limits`."""
        if not self.device or self.device_latency_ms is None:
            return None
        return Limit(metric="latency_ms", worst=self.device_latency_ms, device=self.device)
