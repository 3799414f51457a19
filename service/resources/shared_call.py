"""A call of a part that may hang: it holds at most one thread, however many callers wait for it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Callers at the same time share one call, and each waits for it as long as it likes."""

    def __init__(self, name: str, call: Callable[[], T]) -> None:
        """`name`: of its thread, which is started at the first call."""
        self._call = call
        self._thread = ThreadPoolExecutor(1, name)
        self._running: Future[T] | None = None
        self._lock = Lock()

    def start(self) -> Future[T]:
        """The call that is running, or a new one."""
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._call)
            return self._running

    def is_running(self) -> bool:
        """Whether `start` would join a call."""
        with self._lock:
            return self._running is not None and not self._running.done()

    def close(self) -> None:
        """Ends the thread; one that waits for an answer ends when the part's time is over."""
        self._thread.shutdown(wait=False, cancel_futures=True)
