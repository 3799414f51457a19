"""Every exception that Tessera raises on purpose.

TesseraError
├── BadInput                 the caller's data or request; never retried
│   ├── UnreadableScan       bytes that are not a readable scan
│   ├── UnsupportedScan      a valid file of a kind that is not supported
│   ├── BrokenGeometry       slices that do not form a volume, such as two at one position
│   │   └── UnevenSlices     gaps or a tilt; the slices can be resampled
│   ├── SeveralScans         more than one scan, and the request does not say which one to use
│   ├── ScanTooLarge         more bytes, voxels or pixels than the settings allow
│   ├── ScanModelMismatch    the scan does not fit the model
│   └── BadRequest           options that contradict each other or the card
├── NotFound                 no such scan, job, batch, mask or model
├── Unauthenticated          a caller without credentials, or with credentials that are not valid
├── Forbidden                a known caller without the permission that the request needs
├── Conflict                 not possible in the current state
│   ├── NewerReview          another review was added, which the caller has not seen
│   ├── DraftChanged         a draft has been changed elsewhere, which the caller has not seen
│   └── LegalHold            what is to be deleted must be kept
├── LimitReached             the project or the caller has used up what an administrator allows
│   ├── StorageLimitReached  bytes of scans and masks; nothing was stored
│   ├── QueueLimitReached    jobs that wait
│   └── TooManyRequests      requests in a minute
├── BadModel                 a network or card that does not match its description
├── DamagedFile              a stored file whose content is not what was stored; never retried
├── Unavailable              a part (disk, broker, database, device) cannot serve now
│   └── StorageFull          no space left; nothing was stored
└── JobLost                  the job no longer belongs to this worker: cancelled, or lease expired

Every error has three parts: `detail` (what is wrong), `expected` (what was expected) and `hint`
(what to do). None of them may contain patient data: no file names, no header text, no voxel values
beyond counts.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any


class Part(StrEnum):
    """A part of the installation that may be unavailable; the value is its name for people."""

    STORE = "the object store"
    DATABASE = "the database"
    BROKER = "the broker"
    DISK = "the disk"


class TesseraError(Exception):
    """Base class; `str(error)` joins the three parts."""

    def __init__(self, detail: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(" ".join(part for part in (detail, expected, hint) if part))
        self.detail = detail
        self.expected = expected
        self.hint = hint


class BadInput(TesseraError):
    """The caller's data or request cannot be served as it is."""


class UnreadableScan(BadInput):
    """The bytes are not a readable scan: empty, truncated, or another kind of file."""


class UnsupportedScan(BadInput):
    """A valid file of a kind that is not supported (4D, complex, animated, ...)."""


class BrokenGeometry(BadInput):
    """Slices that do not form a volume, such as two at the same position."""


class UnevenSlices(BrokenGeometry):
    """Slices with gaps or a tilt, which form no regular grid but can be resampled onto one."""


class SeveralScans(BadInput):
    """The input holds several scans and the request does not choose one; see `choices`."""

    def __init__(
        self, detail: str, *, expected: str = "", hint: str = "", choices: Sequence[Any] = ()
    ) -> None:
        super().__init__(detail, expected=expected, hint=hint)
        self.choices = tuple(choices)


class ScanTooLarge(BadInput):
    """More bytes, voxels or pixels than the settings allow."""


class ScanModelMismatch(BadInput):
    """The scan does not fit the model: its dimension or channels differ."""


class BadRequest(BadInput):
    """Options that contradict each other, the card or the current state."""


class NotFound(TesseraError):
    """No such scan, job, batch, mask or model for this project."""


class Unauthenticated(TesseraError):
    """The caller presents no credentials, or credentials that are not valid."""


class Forbidden(TesseraError):
    """The caller is known and lacks the permission that the request needs."""


class Conflict(TesseraError):
    """The request is not possible in the current state of its target."""


class NewerReview(Conflict):
    """The mask has a review that the caller, who wants to add another one, has not seen."""


class DraftChanged(Conflict):
    """The draft of a correction was changed or begun anew by another page."""


class DraftOpen(Conflict):
    """The caller, who wants to judge the mask, has a correction of it that is not saved."""


class LegalHold(Conflict):
    """What is to be deleted is under a legal hold."""


class LimitReached(TesseraError):
    """The project or the caller has used up what an administrator allows."""

    retry_after_s: int | None = None
    """After how many seconds another try may succeed; None: waiting does not help."""


class StorageLimitReached(LimitReached):
    """The scans and masks of the project have as many bytes as it may store."""


class QueueLimitReached(LimitReached):
    """As many jobs of the project wait as may wait."""

    retry_after_s = 30


class TooManyRequests(LimitReached):
    """More requests in a minute than the caller or its project may send."""

    def __init__(
        self, detail: str, *, expected: str = "", hint: str = "", retry_after_s: int = 1
    ) -> None:
        super().__init__(detail, expected=expected, hint=hint)
        self.retry_after_s = retry_after_s


class BadModel(TesseraError):
    """A network or card that does not match its description."""


class DamagedFile(TesseraError):
    """A stored file whose content is not what was stored: it was changed, or its disk fails."""


class Unavailable(TesseraError):
    """A part (disk, broker, database, device) cannot serve now; trying later may help."""

    part: Part | None = None
    """The part, where it is one that the whole installation waits for."""

    def __init__(
        self, detail: str, *, expected: str = "", hint: str = "", part: Part | None = None
    ) -> None:
        super().__init__(detail, expected=expected, hint=hint)
        self.part = part or self.part


class StorageFull(Unavailable):
    """No space left on the disk or store; no partial file was kept."""

    part = Part.DISK


class JobLost(TesseraError):
    """The job no longer belongs to this worker: it was cancelled, or its lease expired."""
