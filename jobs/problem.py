"""RFC 9457 problems: one table of statuses and titles, and how an error becomes a problem.

Gateway and workers share it: a scan that a worker cannot read is the same problem as a scan that
the gateway refuses.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from imaging.errors import (
    BadInput,
    BadModel,
    BadRequest,
    BrokenGeometry,
    Conflict,
    DamagedFile,
    DraftChanged,
    DraftOpen,
    Forbidden,
    JobLost,
    LegalHold,
    LimitReached,
    NewerReview,
    NotFound,
    QueueLimitReached,
    ScanModelMismatch,
    ScanTooLarge,
    SeveralScans,
    StorageFull,
    StorageLimitReached,
    TesseraError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnevenSlices,
    UnreadableScan,
    UnsupportedScan,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and title of a problem; both are the same for every error of a kind."""

    status: int
    title: str


TABLE: Mapping[type[Exception], Answer] = {
    UnreadableScan: Answer(422, "The scan cannot be read"),
    UnsupportedScan: Answer(415, "This kind of scan is not supported"),
    BrokenGeometry: Answer(422, "The slices do not form a volume"),
    UnevenSlices: Answer(422, "The slices are tilted or unevenly spaced"),
    SeveralScans: Answer(422, "The upload holds several scans"),
    ScanTooLarge: Answer(413, "Too large"),
    ScanModelMismatch: Answer(422, "Scan and model do not match"),
    BadRequest: Answer(422, "The request is not possible"),
    BadInput: Answer(422, "The request is not possible"),
    NotFound: Answer(404, "Not found"),
    Unauthenticated: Answer(401, "Not signed in"),
    Forbidden: Answer(403, "Permission denied"),
    NewerReview: Answer(409, "The mask has a newer review"),
    DraftChanged: Answer(409, "The draft has been changed elsewhere"),
    DraftOpen: Answer(409, "You have a correction that is not saved"),
    LegalHold: Answer(409, "Under a legal hold"),
    Conflict: Answer(409, "Not possible in the current state"),
    JobLost: Answer(409, "Not possible in the current state"),
    StorageLimitReached: Answer(507, "The project may not store more"),
    QueueLimitReached: Answer(429, "Too many jobs wait"),
    TooManyRequests: Answer(429, "Too many requests"),
    LimitReached: Answer(429, "A limit is reached"),
    BadModel: Answer(500, "The model is not valid"),
    DamagedFile: Answer(500, "A stored file is damaged"),
    StorageFull: Answer(507, "The disk is full"),
    Unavailable: Answer(503, "A part of the service is unavailable"),
    TesseraError: Answer(500, "The service failed"),
}
"""The first class in an error's method resolution order decides."""

REQUEST_HINT = "Correct the request and send it again."
SERVICE_HINT = "Try again later. If it fails again, tell your administrator."


def kind_of(error: Exception, table: Mapping[type[Exception], Answer]) -> type[Exception]:
    """The first class of `error` that is in the table; raises KeyError if there is none."""
    for kind in type(error).__mro__:
        if kind in table:
            return kind
    raise KeyError(type(error).__name__)


def type_of(kind: type[Exception]) -> str:
    """`urn:tessera:scan-too-large` for ScanTooLarge."""
    name = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return f"urn:tessera:{name.lstrip('-')}"


def problem_of(error: TesseraError) -> dict[str, Any]:
    """The members of an error's problem; every problem has a hint."""
    return members(error, error.detail, error.expected, hint_of(error))


def hint_of(error: TesseraError) -> str:
    """The error's own hint, or a general one: correct the request, or wait."""
    if error.hint:
        return error.hint
    return SERVICE_HINT if TABLE[kind_of(error, TABLE)].status >= 500 else REQUEST_HINT


def members(
    error: Exception,
    detail: str,
    expected: str,
    hint: str,
    *,
    table: Mapping[type[Exception], Answer] = TABLE,
) -> dict[str, Any]:
    """The members of a problem whose type, title and status the table gives."""
    kind = kind_of(error, table)
    return {
        "type": type_of(kind),
        "title": table[kind].title,
        "status": table[kind].status,
        "detail": detail,
        "expected": expected,
        "hint": hint,
    }


def unexpected(error_id: str) -> dict[str, Any]:
    """The problem of an error that is a fault of the service; `logged` gives the id."""
    return {
        "type": "urn:tessera:unexpected",
        "title": "The service failed",
        "status": 500,
        "detail": f"An unexpected error occurred; its id is {error_id}.",
        "expected": "A response.",
        "hint": "Try again. If it happens again, report the id to your administrator.",
        "instance": f"urn:uuid:{error_id}",
    }


def logged(error: Exception, log: logging.Logger) -> str:
    """Logs an unexpected error and returns its id, for the caller to quote.

    The log gets the error's class and stack, never its message, which may quote the request.
    """
    error_id = uuid4().hex
    lines = "".join(
        f"\n  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    )
    log.error("error %s: %s%s", error_id, type(error).__name__, lines)
    return error_id
