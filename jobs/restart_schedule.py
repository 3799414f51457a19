"""When a child process that ended by itself is started again."""

import logging
import time

log = logging.getLogger(__name__)

_LONGEST_S = 30.0
_DOUBLINGS = 6


class RestartSchedule:
    """Restarts after 1 s, then 2 s, 4 s, and so on up to 30 s.

    A process that ran for longer than that is restarted after 1 s again.
    """

    def __init__(self, name: str) -> None:
        """`name`: the process's name in the log."""
        self._name = name
        self._exits = 0
        self._started_at = time.monotonic()
        self._restart_at: float | None = None

    def due(self, status: int | None) -> bool:
        """Whether to start the process now; call it often.

        `status`: the process's exit status, None while it runs.
        """
        if status is None:
            return False
        now = time.monotonic()
        if self._restart_at is None:
            if now - self._started_at > _LONGEST_S:
                self._exits = 0
            self._exits = min(self._exits + 1, _DOUBLINGS)
            delay = min(_LONGEST_S, 2.0 ** (self._exits - 1))
            self._restart_at = now + delay
            log.warning(
                "the %s ended with status %s; restarting it in %.0f s",
                *(self._name, status, delay),
            )
        if now < self._restart_at:
            return False
        self._restart_at, self._started_at = None, now
        return True
