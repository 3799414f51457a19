"""The RFC 9457 problem of a failed job or training."""

import errno
import logging
from collections.abc import Mapping
from typing import Any

from imaging.errors import Part, StorageFull, TesseraError, Unavailable
from jobs import problem

log = logging.getLogger(__name__)

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FAULTS = (*_DISK_FULL, errno.EROFS, errno.EIO)


class ReportedProblem(TesseraError):
    """A problem that another process has reported, such as the one that trains."""

    def __init__(self, members: Mapping[str, Any], *, passing: bool) -> None:
        """`passing`: another attempt may succeed."""
        super().__init__(str(members["detail"]))
        self.members, self.passing = members, passing


def failed_part(error: Exception) -> Part | None:
    """The part of the installation whose failure the error reports; None for any other error."""
    if isinstance(error, Unavailable):
        return error.part
    return Part.DISK if isinstance(error, OSError) and error.errno in _DISK_FAULTS else None


def is_transient(error: Exception) -> bool:
    """Whether another attempt may succeed, later or on another worker."""
    if isinstance(error, ReportedProblem):
        return error.passing
    return isinstance(error, Unavailable) or failed_part(error) is not None


def problem_of(error: Exception) -> dict[str, Any]:
    """The members of the problem. The message of an error that is not a TesseraError is omitted,
    since it may quote patient data."""
    if isinstance(error, ReportedProblem):
        return dict(error.members)
    if isinstance(error, TesseraError):
        return problem.problem_of(error)
    if isinstance(error, MemoryError):
        return {
            "type": "urn:tessera:out-of-memory",
            "title": "Not enough memory",
            "status": 507,
            "detail": "The worker does not have enough memory for this scan.",
            "expected": "Memory for the scan's mask and at least one tile.",
            "hint": "Use a worker with more memory, or a smaller network.",
        }
    if _is_disk_full(error):
        return problem.members(
            StorageFull(""),
            "The worker's disk is full.",
            "Space for the scan and its mask.",
            "Free space on the worker's disk, then retry the job.",
        )
    return problem.unexpected(problem.logged(error, log)) | {
        "expected": "A mask.",
        "hint": "Retry the job. If it fails again, report the id to your administrator.",
    }


def _is_disk_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _DISK_FULL
