"""What a post-processing step knows about a mask beyond its label values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MaskContext:
    """Facts about the grid of a mask."""

    spacing_mm: tuple[float, ...] | None = None
    """Distance between neighbouring voxels along each axis of the mask, in mm: the scan's own, not
    the card's. None where the scan states none."""
