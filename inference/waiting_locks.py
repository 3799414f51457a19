"""Locks that a cancelled run stops waiting for."""

from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock

from inference.run_context import RunContext

_POLL_S = 0.1
"""How often a waiting run looks whether it was cancelled, in seconds."""


@contextmanager
def holding(lock: Lock, context: RunContext) -> Iterator[None]:
    """Holds the lock. A run that has to wait reports once that it is preparing.

    Raises JobLost once the run is cancelled.
    """
    if not lock.acquire(timeout=_POLL_S):
        context.on_preparing(True)
        while not lock.acquire(timeout=_POLL_S):
            context.token.check()
    try:
        yield
    finally:
        lock.release()


class KeyedLocks:
    """One lock per key: runs with different keys do not wait for each other."""

    def __init__(self) -> None:
        self._locks: defaultdict[Hashable, Lock] = defaultdict(Lock)
        self._lock = Lock()

    @contextmanager
    def holding(self, key: Hashable, context: RunContext) -> Iterator[None]:
        """Holds the lock of `key`; see `holding`."""
        with self._lock:
            lock = self._locks[key]
        with holding(lock, context):
            yield
