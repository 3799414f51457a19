"""The latest lines of the access log, for clients that show a server's log."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MAX_LINES = 1000
_FORMAT = "[%(asctime)s] %(message)s"


class _RecentLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self.lines: deque[str] = deque(maxlen=MAX_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


_recent = _RecentLines()


@contextmanager
def recorded() -> Iterator[None]:
    """Keeps the lines of the access log, which hold route templates and no request content."""
    access = logging.getLogger("tessera.access")
    access.addHandler(_recent)
    try:
        yield
    finally:
        access.removeHandler(_recent)


def lines(count: int) -> list[str]:
    """The latest lines, oldest first."""
    return list(_recent.lines)[-count:]
