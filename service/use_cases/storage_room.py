"""Whether a project may store more: asked before a file is received, of which a scan is made later.

The transaction that stores the scan decides (`jobs.repository.quotas`). Here, files are refused
that it would refuse anyway.
"""

import threading
import time
from collections.abc import Callable

from imaging.errors import StorageLimitReached
from jobs.repository import Quotas

_BLOCKED_S = 60.0
"""How long files are refused after a received series has found no room; it is tried again sooner
than that."""


class StorageRoom:
    """The room of all projects, as one gateway sees it; thread-safe."""

    def __init__(self, quotas: Quotas, clock: Callable[[], float] = time.monotonic) -> None:
        self._quotas, self._clock = quotas, clock
        self._mutex = threading.Lock()
        self._blocked: dict[str, tuple[StorageLimitReached, float]] = {}

    def check(self, project: str, more_bytes: int) -> None:
        """Raises StorageLimitReached if the project may not store so many bytes more, or if a
        received series of it waits for room."""
        with self._mutex:
            reason, until = self._blocked.get(project, (None, 0.0))
            if reason is not None and self._clock() < until:
                raise reason
        self._quotas.check_room(project, more_bytes)

    def block(self, project: str, reason: StorageLimitReached) -> None:
        """A received series of the project finds no room and waits for it."""
        with self._mutex:
            self._blocked[project] = reason, self._clock() + _BLOCKED_S

    def unblock(self, project: str) -> None:
        """A series of the project was stored."""
        with self._mutex:
            self._blocked.pop(project, None)
