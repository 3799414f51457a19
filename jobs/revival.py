"""When to start again what ended by itself."""

import logging
import time

log = logging.getLogger(__name__)

_LONGEST_S = 30.0
_DOUBLINGS = 6


class Revival:
    """Says when a process that fell is to be started again: after 1 s, 2 s, 4 s, up to 30 s."""

    def __init__(self, name: str) -> None:
        """`name`: of the process, for the log."""
        self._name = name
        self._falls = 0
        self._at: float | None = None

    def due(self, status: int | None) -> bool:
        """Whether to start it now; to be asked often. `status`: its exit's, None while it runs."""
        if status is None:
            return False
        now = time.monotonic()
        if self._at is None:
            self._falls = min(self._falls + 1, _DOUBLINGS)
            wait = min(_LONGEST_S, 2.0 ** (self._falls - 1))
            self._at = now + wait
            log.warning(
                "the %s ended with status %s; it is started again in %.0f s",
                *(self._name, status, wait),
            )
        if now < self._at:
            return False
        self._at = None
        return True
