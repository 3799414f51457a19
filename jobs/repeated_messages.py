"""Keeps the same message from filling a log."""

import logging
import re
import time
from dataclasses import dataclass

_WINDOW_S = 60.0
_MOST = 100
"""Times that a message is logged in a window, whatever its figures are."""
_MOST_KINDS = 1000
_FIGURES = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


@dataclass(slots=True)
class _Kind:
    since: float
    logged: int = 0
    left_out: int = 0


class RepeatedMessages(logging.Filter):
    """Logs a message at most 100 times a minute; the next one after that says how many it left out.

    Messages are the same if they differ in figures alone. The lines of successful requests are not
    counted: they are a record.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if record.name == "tessera.access" and _status(record) < 400:
            return True
        now = time.monotonic()
        kind = self._kind_of(record, now)
        if now - kind.since >= _WINDOW_S:
            if kind.left_out:
                record.msg = f"{record.getMessage()} ({kind.left_out} more like it were left out)"
                record.args = None
            kind.since, kind.logged, kind.left_out = now, 0, 0
        kind.logged += 1
        if kind.logged <= _MOST:
            return True
        kind.left_out += 1
        return False

    def _kind_of(self, record: logging.LogRecord, now: float) -> _Kind:
        text = _FIGURES.sub("", record.getMessage()[:200])
        key = (record.name, record.levelno, text)
        if key not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            key = (record.name, record.levelno, "")  # too many to tell apart
        return self._kinds.setdefault(key, _Kind(now))


def _status(record: logging.LogRecord) -> int:
    """The status of a line of the access log."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    status = arguments[2] if len(arguments) > 2 else 0
    return status if isinstance(status, int) else 0
