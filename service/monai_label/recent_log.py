"""The gateway's own last lines of access, kept for clients that show a server's log."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 1000
_FORM = "[%(asctime)s] %(message)s"


class _Ring(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORM))
        self.last: deque[str] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        self.last.append(self.format(record))


_ring = _Ring()


@contextmanager
def kept() -> Iterator[None]:
    """Keeps the lines of the access log, which hold route templates and no request content."""
    access = logging.getLogger("tessera.access")
    access.addHandler(_ring)
    try:
        yield
    finally:
        access.removeHandler(_ring)


def lines(count: int) -> list[str]:
    """The last lines, oldest first."""
    return list(_ring.last)[-count:]
