"""How fast a batch is, and how long it will take."""

import time
from collections import deque
from collections.abc import Callable

_RECENT = 200
"""Scans that the rate is measured over: the last ones, as scans differ in size."""


class Throughput:
    """Counts scans as they end."""

    def __init__(
        self, total: int, ended: int, failed: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`ended` of all `total` scans ended before, `failed` of them without a mask."""
        self.total, self.ended, self.failed = total, ended, failed
        self._clock = clock
        self._times = deque([clock()], _RECENT + 1)

    def add(self, *, failed: bool) -> None:
        """Counts a scan that has just ended."""
        self.ended += 1
        self.failed += failed
        self._times.append(self._clock())

    @property
    def per_minute(self) -> float:
        """Scans per minute until now; 0 as long as none has ended."""
        passed = self._clock() - self._times[0]
        return 60 * (len(self._times) - 1) / passed if passed > 0 else 0.0

    @property
    def facts(self) -> str:
        """Failures, rate and remaining time in words."""
        parts = [f"{self.failed:,} failed"] if self.failed else []
        rate = self.per_minute
        if rate and self.ended < self.total:
            parts.append(f"{rate:.1f} per minute" if rate < _MANY else f"{rate:,.0f} per minute")
            parts.append(f"{_span(60 * (self.total - self.ended) / rate)} left")
        return ", ".join(parts)


_MANY = 100


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
