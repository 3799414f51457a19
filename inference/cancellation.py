"""Cancels a run from another thread, in the middle of a tile where the runtime can."""

import threading
from collections.abc import Callable

from imaging.errors import JobLost


class CancelToken:
    """Given to a run; after `cancel` the run raises JobLost."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._callback: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancels the run; safe from any thread, any number of times."""
        with self._lock:
            self._cancelled.set()
            if self._callback is not None:
                self._callback()

    def on_cancel(self, callback: Callable[[], None] | None) -> None:
        """Registers what interrupts the running tile; None when the tile is done.

        The callback runs at once where the token is cancelled already.
        """
        with self._lock:
            self._callback = callback
            if callback is not None and self._cancelled.is_set():
                callback()

    def check(self) -> None:
        """Raises JobLost once the token is cancelled."""
        if self.cancelled:
            raise JobLost("The run was cancelled.")
