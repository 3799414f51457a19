"""Corrections of masks, as the server sends them."""

from dataclasses import dataclass
from datetime import datetime

Run = tuple[int, int, int]
"""Start, length and value: the voxels with the flat indices `start` to `start + length - 1` get the
label `value`. Flat indices count the voxels of the mask as NIfTI with the first axis fastest."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """How a correction changed a label."""

    label: int
    """The label number."""
    added: int
    """Voxels that have the label now, and did not have it before."""
    removed: int
    """Voxels that had the label before, and do not have it now."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A correction of a mask that is not finished."""

    id: str
    """Id of the draft, and of the review that it becomes."""
    job: str
    """Id of the job."""
    reader: str
    """Name of the reader."""
    base: str | None
    """Id of the review whose corrected mask is corrected further; None: the job's own mask."""
    changes: int
    """Number of the last set of changes; 0 if there is none."""
    seconds: float
    """How long the reader has worked on it."""
    created_at: datetime
    """When it was begun."""
    updated_at: datetime
    """When it was last opened or changed."""
