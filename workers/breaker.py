"""Holds a worker back while a part of the installation is unavailable."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from imaging.errors import Part, Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Probe = Callable[[], None]
"""Returns if a part can serve; raises Unavailable if not."""

_FIRST_S = 0.25
_LONGEST_S = 2.0
_SLICE_S = 0.1
"""How soon a pause ends when the worker is told to stop, in seconds."""


class Breaker:
    """Open from the failure of a part until that part passes a probe; safe from many threads.

    Probes are at most two seconds apart, so that work resumes soon after an outage, and at random
    times, so that not all workers resume in the same moment.
    """

    def __init__(self, probes: Mapping[Part, Probe]) -> None:
        """`probes`: for each part that can be tried without a job."""
        self._probes = probes
        self._open: set[Part] = set()

    @property
    def waiting_for(self) -> Part | None:
        """A part that is waited for; None while the worker can run jobs."""
        return min(self._open, default=None)

    def opens(self, part: Part) -> bool:
        """Tries a part that has just failed; opens if it is unavailable.

        False: it can serve, so that the failure may be the fault of the job that met it.
        """
        if part not in self._probes or self._fails(part):
            self._open.add(part)
        return part in self._open

    def wait(self, gives_up: Callable[[], bool]) -> None:
        """Returns when the parts that failed can serve again, or when `gives_up` says so."""
        waiting = tuple(self._open)
        for part in waiting:
            log.warning("waiting for %s; no job is claimed", part)
        for delay in _delays():
            self._open -= {part for part in self._open if not self._fails(part)}
            if not self._open or not _paused(delay, gives_up):
                break
        for part in waiting:
            if part not in self._open:
                log.info("%s can serve again", part)

    def insist(
        self,
        step: Callable[[], T],
        gives_up: Callable[[], bool],
        on_failure: Callable[[Part], None] = lambda _part: None,
    ) -> T:
        """Repeats `step` while it fails for a part, with pauses; returns its result.

        Raises the error of the last try once `gives_up` says so, and any other error at once.
        `on_failure` is called after each failure.
        """
        reported = False
        for delay in _delays():
            try:
                return step()
            except Unavailable as error:
                if error.part is None:
                    raise
                on_failure(error.part)
                if not reported:
                    log.warning("waiting for %s: %s", error.part, error)
                reported = True
                if not _paused(delay, gives_up):
                    raise
        raise AssertionError("the delays have no end")

    def _fails(self, part: Part) -> bool:
        probe = self._probes.get(part)
        try:
            if probe is not None:
                probe()
        except Unavailable:
            return True
        return False


def _delays() -> Iterator[float]:
    """Endless: 0.25, 0.5, 1, 2, 2, 2, ... seconds, each times 0.5 to 1 by chance."""
    delay = _FIRST_S
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        delay = min(2 * delay, _LONGEST_S)


def _paused(seconds: float, gives_up: Callable[[], bool]) -> bool:
    """Sleeps; False as soon as `gives_up` says so. Not an event: signal handlers may interrupt."""
    until = time.monotonic() + seconds
    while not gives_up():
        left = until - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, _SLICE_S))
    return False
