"""The log: as text, or as one JSON object a line."""

import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from jobs import tracing
from jobs.repeated_messages import RepeatedMessages

_process: dict[str, str] = {}
_current: ContextVar[Mapping[str, str]] = ContextVar("log fields", default={})  # noqa: B039
_SUBJECT = re.compile(r"(job|worker|queue|scan|batch) %s")


def start_logging(log_format: str, level: int) -> None:
    """Writes the log of this process to stderr, from this level on; `log_format`: text or json."""
    handler = logging.StreamHandler()
    handler.addFilter(RepeatedMessages())
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if log_format == "json" else text)
    logging.basicConfig(level=level, handlers=[handler])


def of_process(**fields: str) -> None:
    """Adds these members to every later entry of this process."""
    _process.update(fields)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """A context whose entries have these members, in this thread or task."""
    token = _current.set({**_current.get(), **fields})
    try:
        yield
    finally:
        _current.reset(token)


def log_field(name: str) -> str:
    """A member that `log_fields` has set for this thread or task; empty if it has not."""
    return _current.get().get(name, "")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message and what is known of:
    job, batch, scan, request, worker, queue, trace_id and span_id.

    Members come from `log_fields`, from `extra={"fields": ...}`, and from messages that begin with
    the subject, such as "job %s: ...". Of an exception it has class and stack, but not the message,
    which may quote the request.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_process,
            **tracing.current_ids(),
            **_current.get(),
            **_subject(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, frames = record.exc_info
            entry["error"] = kind.__name__
            entry["stack"] = [
                f"{frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(frames)
            ]
        return json.dumps(entry, default=str)


def _subject(record: logging.LogRecord) -> dict[str, str]:
    """What a message is about, if it begins with that."""
    subject = _SUBJECT.match(str(record.msg))
    if subject is None or not isinstance(record.args, tuple) or not record.args:
        return {}
    return {subject[1]: str(record.args[0])}
