"""Rate limits: how many requests a caller, and a project, may send in a minute.

Each has a bucket of tokens in this gateway's memory, which holds the requests of a minute and is
filled evenly. A request takes one token from each of its buckets; if one is empty, it takes none,
and is to be refused. So a quiet caller may send the requests of a minute at once, and then as many
as are filled in. Several gateways have buckets of their own, and each grants its own requests.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from imaging.errors import TesseraError
from jobs.project_limits import ProjectLimits

logger = logging.getLogger("tessera.service")

WINDOW_S = 60
REFRESH_S = 10.0
"""How old the limits of projects may be."""
_SPARE_BUCKETS = 10_000
"""Buckets that are kept until full ones are deleted."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one bucket says to a request."""

    policy: str
    """`caller` or `project`."""
    per_minute: int
    left: int
    """Requests that could be sent at once."""
    full_s: int
    """Seconds until the bucket is full again."""
    wait_s: int
    """Seconds until it has a token; 0: it had one for this request."""


@dataclass(slots=True)
class _Bucket:
    """Tokens, as many as a minute's requests at most."""

    tokens: float
    filled_at: float

    def fill(self, per_minute: int, now: float) -> None:
        added = (now - self.filled_at) * per_minute / WINDOW_S
        self.tokens = min(float(per_minute), self.tokens + added)
        self.filled_at = now

    def grant(self, policy: str, per_minute: int, *, takes: bool) -> Grant:
        wait_s = math.ceil(max(0.0, 1 - self.tokens) * WINDOW_S / per_minute)
        self.tokens -= takes
        full_s = math.ceil((per_minute - self.tokens) * WINDOW_S / per_minute)
        return Grant(policy, per_minute, math.floor(self.tokens), full_s, wait_s)


class RateLimits:
    """The buckets of one gateway; thread-safe."""

    def __init__(
        self,
        per_caller: int,
        of_projects: Callable[[], Mapping[str, ProjectLimits]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`per_caller`: requests of each caller in a minute, 0: no limit. `of_projects` reads the
        limits of projects from the database."""
        self._per_caller, self._of_projects, self._clock = per_caller, of_projects, clock
        self._projects: Mapping[str, ProjectLimits] = {}
        self._read_at = -math.inf
        self._mutex = threading.Lock()
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def is_stale(self) -> bool:
        """Whether the caller has to call `refresh`, in a thread; True for one caller at a time."""
        with self._mutex:
            now = self._clock()
            stale = now - self._read_at > REFRESH_S
            if stale:
                self._read_at = now
            return stale

    def refresh(self) -> None:
        """Reads the limits of projects; keeps those that it knows while the database is
        unavailable."""
        try:
            self._projects = self._of_projects()
        except TesseraError as error:
            logger.warning("The rate limits of projects are not read: %s", error)

    def take(self, caller: str, project: str) -> Sequence[Grant]:
        """Takes a token of each bucket for a request of a caller, or none if one is empty."""
        rates = self._rates(caller, project)
        if not rates:
            return ()
        with self._mutex:
            now = self._clock()
            buckets = {key: self._filled(key, rate, now) for key, rate in rates.items()}
            takes = all(bucket.tokens >= 1 for bucket in buckets.values())
            return [
                bucket.grant(key[0], rates[key], takes=takes) for key, bucket in buckets.items()
            ]

    def _rates(self, caller: str, project: str) -> dict[tuple[str, ...], int]:
        """Bucket -> requests per minute."""
        rates: dict[tuple[str, ...], int] = {}
        if self._per_caller:
            rates["caller", project, caller] = self._per_caller
        limits = self._projects.get(project)
        if limits is not None and limits.requests_per_minute is not None:
            rates["project", project] = limits.requests_per_minute
        return rates

    def _filled(self, key: tuple[str, ...], rate: int, now: float) -> _Bucket:
        if key not in self._buckets and len(self._buckets) >= _SPARE_BUCKETS:
            self._forget(now)
        bucket = self._buckets.setdefault(key, _Bucket(float(rate), now))
        bucket.fill(rate, now)
        return bucket

    def _forget(self, now: float) -> None:
        """Deletes the buckets that are full again: a new one is full, too."""
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if now - bucket.filled_at < WINDOW_S
        }
