"""A request for an assistant, as the gateway sends it to the process that answers."""

from dataclasses import dataclass
from pathlib import Path

from imaging.box import Box
from imaging.formats.limits import Limits

MOST_VOXELS = 1 << 22
"""Voxels of the largest box: 161 x 161 x 161."""


@dataclass(frozen=True, slots=True)
class AssistanceRequest:
    """A box of a stored scan, and what a reader drew in it."""

    assistant: str
    """The name of the method."""
    scan: str
    """SHA-256 of the stored scan."""
    grid: tuple[int, ...]
    """Its spatial shape: (i, j, k), or (row, column)."""
    box: Box
    """Voxels of the mask as NIfTI; an image's is (column, row from below, 0)."""
    marks: bytes
    """Runs of voxels on the same grid, as `imaging.assistance.marks` describes them."""
    limits: Limits
    """For opening the scan."""
    scratch: Path
    """A folder for what is unpacked."""
    path: Path | None = None
    """The file of the scan. None: it is asked for if it is needed."""


class ScanNeeded(Exception):
    """The values of the box are not at hand: the request must be sent again with a path."""


class AssistantFailed(Exception):
    """A fault of the assistant; the log describes it under this id."""
