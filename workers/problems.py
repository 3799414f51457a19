"""What went wrong with a job, as the RFC 9457 problem that its owner reads."""

import errno
import logging
import traceback
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from imaging.errors import (
    BadInput,
    BadModel,
    NotFound,
    ScanModelMismatch,
    ScanTooLarge,
    StorageFull,
    TesseraError,
    Unavailable,
    UnreadableScan,
    UnsupportedScan,
)

log = logging.getLogger(__name__)

TABLE: Mapping[type[TesseraError], tuple[int, str]] = {
    UnreadableScan: (422, "The scan cannot be read"),
    UnsupportedScan: (415, "This kind of scan is not served"),
    ScanTooLarge: (413, "Too large"),
    ScanModelMismatch: (422, "Scan and model do not match"),
    BadInput: (422, "The request cannot be served as it is"),
    NotFound: (404, "Not found"),
    BadModel: (500, "The model is not sound"),
    StorageFull: (507, "No room left"),
    Unavailable: (503, "A part of the service is away"),
    TesseraError: (500, "The service failed"),
}
"""Status and title; the nearest class in an error's own order of bases decides."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def transient(error: Exception) -> bool:
    """Another attempt, later or elsewhere, may do better."""
    return isinstance(error, Unavailable) or _no_room(error)


def problem_of(error: Exception) -> dict[str, Any]:
    """title, status, detail, expected, todo; what is not ours says nothing of its own."""
    if isinstance(error, TesseraError):
        kind = next(kind for kind in type(error).__mro__ if kind in TABLE)
        status, title = TABLE[kind]
        return _problem(_type(kind), status, title, error.came, error.expected, error.todo)
    if isinstance(error, MemoryError):
        return _problem(
            "urn:tessera:out-of-memory",
            507,
            "Not enough memory",
            "The worker's memory did not suffice for this scan.",
            "Memory for the scan's mask and at least one tile.",
            "Ask for a smaller tile, or use a worker with more memory.",
        )
    if _no_room(error):
        return _problem(
            _type(StorageFull),
            *TABLE[StorageFull],
            "The worker's disk has no room left.",
            "Room for the scan and its mask.",
            "Free space on the worker's disk, then retry the job.",
        )
    return _unexpected(error)


def _unexpected(error: Exception) -> dict[str, Any]:
    """The log gets the error's class and the lines it passed; its text may quote the scan."""
    found = uuid4().hex
    lines = "".join(
        f"\n  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    )
    log.error("error %s: %s%s", found, type(error).__name__, lines)
    told = _problem(
        "urn:tessera:unexpected",
        500,
        "Internal error",
        f"Something failed that should not; its id is {found}.",
        "A mask.",
        "Retry the job; if it fails again, tell whoever runs this service the id.",
    )
    return {**told, "instance": f"urn:uuid:{found}"}


def _no_room(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _problem(
    kind: str, status: int, title: str, came: str, expected: str, todo: str
) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "status": status,
        "detail": came,
        "expected": expected,
        "todo": todo,
    }


def _type(kind: type[Exception]) -> str:
    """`urn:tessera:scan-too-large` of ScanTooLarge."""
    name = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return f"urn:tessera:{name.lstrip('-')}"
