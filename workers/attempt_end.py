"""How an attempt of a job or training ends that did not succeed, and the report of any end."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from imaging.errors import JobLost, Part, Unavailable
from jobs.repository import Held, WorkLeases
from jobs.settings import Settings
from workers.breaker import Breaker
from workers.job_problem import failed_part, is_transient, problem_of
from workers.shutdown import Shutdown, ShutdownError

log = logging.getLogger(__name__)

Outcome = tuple[str, Mapping[str, Any] | None]
"""`failed`, `released` or `lost`, and the problem that was the reason, if there was one."""


class AttemptEnd:
    """Puts work back or fails it, as far as it is still this worker's."""

    def __init__(
        self,
        title: str,
        held: Held,
        leases: WorkLeases[Any, Any],
        settings: Settings,
        shutdown: Shutdown,
        breaker: Breaker,
    ) -> None:
        """`title` names the work in log lines."""
        self._title, self._held, self._leases = title, held, leases
        self._settings, self._shutdown, self._breaker = settings, shutdown, breaker

    def settle(self, error: Exception) -> Outcome:
        """Requeues or fails the work, or leaves it to the worker that holds it now."""
        try:
            return self._settle(error)
        except Unavailable as unreported:  # the worker stops; the lease will expire
            log.warning("%s: its end could not be reported: %s", self._title, unreported)
            return "lost", None

    def reported(self, step: Callable[[], bool]) -> bool:
        """Retries while the database is unavailable, until a worker that is told to stop has to
        end."""
        return self._breaker.insist(step, lambda: self._shutdown.overdue)

    def _settle(self, error: Exception) -> Outcome:
        if isinstance(error, (ShutdownError, JobLost)):
            released = self._shutdown.requested and self._released()
            log.info("%s: %s", self._title, "released" if released else "stopped; it was lost")
            return ("released" if released else "lost"), None
        problem, part = problem_of(error), failed_part(error)
        log.warning("%s: %s", self._title, problem["detail"])
        if part is not None and self._breaker.opens(part):
            self._released(part)
            return "released", problem
        if is_transient(error):
            attempts = self._settings.max_attempts
            self.reported(lambda: self._leases.requeue(*self._held, problem, attempts))
        else:
            self.reported(lambda: self._leases.fail(*self._held, problem))
        return "failed", problem

    def _released(self, part: Part | None = None) -> bool:
        return self.reported(partial(self._leases.release, *self._held, part))
