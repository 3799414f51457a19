"""A review of a mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    scan: str | None = None
    """The scan whose grid the corrected mask has."""
    tag: str | None = None
    """The mask's tag in the MONAI Label API; `final` for a completed mask."""
    info: Mapping[str, Any] | None = None
    """The MONAI Label client's own data, such as the names of the labels."""
