"""A lock that many may share, or one hold alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Uploads share it between storing a blob and naming it; a deletion holds it alone.

    So no blob goes that a scan is about to name. A deletion that waits lets no new upload in.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._idle = threading.Condition()
        self._inside = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """With others, but with nobody who holds it alone."""
        with self._turn, self._idle:
            self._inside += 1
        try:
            yield
        finally:
            with self._idle:
                self._inside -= 1
                self._idle.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """With nobody else."""
        with self._turn, self._idle:
            self._idle.wait_for(lambda: not self._inside)
            yield
