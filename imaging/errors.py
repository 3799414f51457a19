"""The exceptions of the whole house.

TesseraError
├── BadInput                 the caller's data or request; never retried
│   ├── UnreadableScan       bytes that are no scan we can read
│   ├── UnsupportedScan      a sound file of a kind that is not served
│   ├── BrokenGeometry       slices that make no volume: gaps, a tilt, two at one place
│   ├── SeveralScans         more than one scan, and no word of which is meant
│   ├── ScanTooLarge         more bytes, voxels or pixels than the settings allow
│   ├── ScanModelMismatch    this scan does not suit this model
│   └── BadRequest           options that contradict each other or the card
├── NotFound                 no such scan, job, batch, mask or model
├── Conflict                 the thing is in a state that forbids this
├── BadModel                 a network or card that does not hold what it says
├── Unavailable              a part (disk, broker, database, device) cannot serve now
│   └── StorageFull          no room left; nothing was stored
└── JobLost                  the job is no longer this worker's: cancelled, or its lease ran out

Every error bears three sentences: what was expected, what came, what to do. None of them may hold
a patient's data: no file names, no header text, no voxel values beyond counts.
"""

from collections.abc import Sequence
from typing import Any


class TesseraError(Exception):
    """Base of all; `str(error)` is the three sentences together."""

    def __init__(self, came: str, *, expected: str = "", todo: str = "") -> None:
        super().__init__(" ".join(part for part in (came, expected, todo) if part))
        self.came = came
        self.expected = expected
        self.todo = todo


class BadInput(TesseraError):
    """The caller's data or request cannot be served as it is."""


class UnreadableScan(BadInput):
    """The bytes are no scan that can be read: empty, cut off, or something else."""


class UnsupportedScan(BadInput):
    """A sound file of a kind that is not served (4D, complex, animated, ...)."""


class BrokenGeometry(BadInput):
    """Slices that make no volume as they lie: gaps, a tilt, two at one place."""


class SeveralScans(BadInput):
    """More than one scan came, and nobody said which is meant; `choices` lists them."""

    def __init__(
        self, came: str, *, expected: str = "", todo: str = "", choices: Sequence[Any] = ()
    ) -> None:
        super().__init__(came, expected=expected, todo=todo)
        self.choices = tuple(choices)


class ScanTooLarge(BadInput):
    """More bytes, voxels or pixels than the settings allow."""


class ScanModelMismatch(BadInput):
    """This scan does not suit this model: dimension, channels."""


class BadRequest(BadInput):
    """Options that contradict each other, the card or the state of things."""


class NotFound(TesseraError):
    """No such scan, job, batch, mask or model for this owner."""


class Conflict(TesseraError):
    """The thing is in a state that forbids this."""


class BadModel(TesseraError):
    """A network or card that does not hold what it says."""


class Unavailable(TesseraError):
    """A part (disk, broker, database, device) cannot serve now; trying later may help."""


class StorageFull(Unavailable):
    """No room left on the disk or store; nothing half-written was kept."""


class JobLost(TesseraError):
    """The job is no longer this worker's: it was cancelled, or its lease ran out."""
