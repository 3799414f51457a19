"""How errors read to people: one table of statuses and titles, and RFC 9457 types.

Gateway and workers both tell of errors, and must do it alike: a scan that a worker cannot read is
the same problem as one that the gateway refuses.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from imaging.errors import (
    BadInput,
    BadModel,
    BadRequest,
    BrokenGeometry,
    Conflict,
    JobLost,
    NotFound,
    ScanModelMismatch,
    ScanTooLarge,
    SeveralScans,
    StorageFull,
    TesseraError,
    Unavailable,
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
    UnsupportedScan: Answer(415, "This kind of scan is not served"),
    BrokenGeometry: Answer(422, "The slices make no volume"),
    SeveralScans: Answer(422, "Several scans came"),
    ScanTooLarge: Answer(413, "Too large"),
    ScanModelMismatch: Answer(422, "Scan and model do not match"),
    BadRequest: Answer(422, "The request cannot be served as it is"),
    BadInput: Answer(422, "The request cannot be served as it is"),
    NotFound: Answer(404, "Not found"),
    Conflict: Answer(409, "The state of things forbids this"),
    JobLost: Answer(409, "The state of things forbids this"),
    BadModel: Answer(500, "The model is not sound"),
    StorageFull: Answer(507, "No room left"),
    Unavailable: Answer(503, "A part of the service is away"),
    TesseraError: Answer(500, "The service failed"),
}
"""The nearest class in an error's own order of bases decides."""


def kind_of(error: Exception, table: Mapping[type[Exception], Answer]) -> type[Exception]:
    """The nearest class of `error` in a table; raises KeyError where there is none."""
    for kind in type(error).__mro__:
        if kind in table:
            return kind
    raise KeyError(type(error).__name__)


def type_of(kind: type[Exception]) -> str:
    """`urn:tessera:scan-too-large` of ScanTooLarge."""
    name = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return f"urn:tessera:{name.lstrip('-')}"


def logged(error: Exception, log: logging.Logger) -> str:
    """An id for an error that nobody expected, to be told to the caller.

    The log gets the error's class and the lines it passed, never its message, which may quote what
    the caller sent.
    """
    found = uuid4().hex
    lines = "".join(
        f"\n  {frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    )
    log.error("error %s: %s%s", found, type(error).__name__, lines)
    return found
