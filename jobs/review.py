"""A review of a mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imaging.editable_mask import LabelChange
from imaging.reader_measurements.measurement import ReaderMeasurement

WITHDRAWAL_S = 300.0
"""How long after it was given a verdict can be withdrawn, in seconds. Later, a new review replaces
it: others may have acted on the first."""


class Reason(StrEnum):
    """Why a mask is rejected; the value is its name in the API and in the database."""

    MISSED_PART = "missed-part"
    """A part of the structure is not in the mask."""
    LEAK = "leak"
    """The mask contains tissue outside the structure."""
    WRONG_SIDE = "wrong-side"
    """Left and right, or two labels, are exchanged."""
    WRONG_MODEL = "wrong-model"
    """The model is not for this kind of scan."""
    IMAGE_QUALITY = "image-quality"
    """The scan is too poor to be segmented."""
    OTHER = "other"
    """Another reason, which the comment states."""
    MERGED_OR_SPLIT = "merged-or-split"
    """Objects, such as cells, are merged into one, or one is split into several."""


class Role(StrEnum):
    """What a review is in the second reading of its job; see `jobs.second_reading`."""

    READING = "reading"
    """One of the readings that are compared."""
    SURPLUS = "surplus"
    """It arrived when all readings were there. It is kept, and changes nothing."""
    ADJUDICATION = "adjudication"
    """The verdict of a reader who has seen the readings; it is the job's."""


@dataclass(frozen=True, slots=True)
class Review:
    """A reader's verdict on a mask, with the mask that the reader corrected or drew."""

    id: str
    job: str | None
    """None: a mask drawn by hand on `scan`, not corrected from a job's mask."""
    verdict: str
    """accepted, corrected or rejected."""
    comment: str
    reviewer: str
    created_at: float
    mask_sha256: str | None = None
    """Blob of a corrected mask, in `mask_format`."""
    mask_format: str | None = None
    mask_bytes: int = 0
    """Size of the corrected mask's blob; 0 also if another review stored it, or an earlier
    version."""
    scan: str | None = None
    """The scan whose grid the corrected mask has."""
    tag: str | None = None
    """The mask's tag in the MONAI Label API; `final` for a completed mask."""
    info: Mapping[str, Any] | None = None
    """The MONAI Label client's own data, such as the names of the labels."""
    reasons: tuple[Reason, ...] = ()
    """Why the mask is rejected."""
    withdrawn_at: float | None = None
    """When its reader withdrew it; None: it stands."""
    role: Role | None = None
    """None: its job had no second reading when it was given."""
    measurements: tuple[ReaderMeasurement, ...] = ()
    """What its reader measured in the job's first scan."""
    base: str | None = None
    """The review whose corrected mask was corrected further; None: the job's mask was, or it is not
    known."""
    seconds: float | None = None
    """How long the reader worked on the corrected mask; None: it is not known."""
    changes: tuple[LabelChange, ...] = ()
    """How its mask differs from its base; empty if it is not known."""
