"""Stops a run from another thread, in the middle of a tile."""

import threading
from collections.abc import Callable

from imaging.errors import JobLost


class Brake:
    """`pull` makes the run it was given to raise JobLost, at once where the runtime can."""

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._lock = threading.Lock()
        self._callback: Callable[[], None] | None = None

    @property
    def pulled(self) -> bool:
        return self._pulled.is_set()

    def pull(self) -> None:
        """Stops the run; safe from any thread, any number of times."""
        with self._lock:
            self._pulled.set()
            if self._callback is not None:
                self._callback()

    def on_pull(self, callback: Callable[[], None] | None) -> None:
        """What interrupts the tile that runs now; None when it is over."""
        with self._lock:
            self._callback = callback
            if callback is not None and self._pulled.is_set():
                callback()

    def check(self) -> None:
        """Raises JobLost once pulled."""
        if self.pulled:
            raise JobLost("The run was stopped from outside.")
