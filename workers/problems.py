"""What went wrong with a job, as the RFC 9457 problem that its project reads."""

import errno
import logging
from typing import Any

from imaging.errors import StorageFull, TesseraError, Unavailable
from jobs.problem import TABLE, kind_of, logged, type_of

log = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def transient(error: Exception) -> bool:
    """Another attempt, later or elsewhere, may do better."""
    return isinstance(error, Unavailable) or _no_room(error)


def problem_of(error: Exception) -> dict[str, Any]:
    """title, status, detail, expected, hint; what is not ours says nothing of its own."""
    if isinstance(error, TesseraError):
        kind = kind_of(error, TABLE)
        told = TABLE[kind].status, TABLE[kind].title
        return _problem(type_of(kind), *told, error.detail, error.expected, error.hint)
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
            type_of(StorageFull),
            TABLE[StorageFull].status,
            TABLE[StorageFull].title,
            "The worker's disk has no room left.",
            "Room for the scan and its mask.",
            "Free space on the worker's disk, then retry the job.",
        )
    return _unexpected(error)


def _unexpected(error: Exception) -> dict[str, Any]:
    found = logged(error, log)
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
    kind: str, status: int, title: str, detail: str, expected: str, hint: str
) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title,
        "status": status,
        "detail": detail,
        "expected": expected,
        "hint": hint,
    }
