"""What two masks have in common, and where they differ."""

from dataclasses import dataclass
from typing import Literal

LabelMatch = Literal["auto", "name", "number"]
"""Labels of the same name or of the same number; `auto`: numbers for masks of one model, else names
if there are any in common."""


@dataclass(frozen=True, slots=True)
class ComparedMask:
    """A mask of a comparison."""

    job: str
    """Id of its job."""
    review: str | None
    """Id of the review with the corrected mask; None: the job's own mask."""


@dataclass(frozen=True, slots=True)
class LabelComparison:
    """One label in both masks; sizes are numbers of voxels."""

    value: int
    """Its number in the first mask, or a free number if only the second mask has it."""
    name: str
    """Its name."""
    dice: float
    """2 |A and B| / (|A| + |B|)."""
    first: int
    """Voxels in the first mask."""
    second: int
    """Voxels in the second mask."""
    common: int
    """Voxels with the label in both."""


@dataclass(frozen=True, slots=True)
class MaskComparison:
    """Two masks of one grid, compared; sizes are numbers of voxels."""

    first: ComparedMask
    """The first mask."""
    second: ComparedMask
    """The second mask."""
    matched_by: Literal["name", "number"]
    """Whether labels of the same name or of the same number were compared."""
    renumbered: dict[str, int]
    """Label of the second mask -> its number here, where labels are matched by name."""
    objects: bool
    """Whether a mask numbers objects: all objects together were compared, as one label."""
    voxel_ml: float | None
    """Volume of a voxel in ml; None for an image."""
    voxel_mm2: float | None
    """Area of a pixel in mm2; None for a volume, and for an image without a pixel size."""
    dice: float
    """Dice over all labels."""
    agreement: int
    """Voxels with the same label in both masks."""
    only_first: int
    """Voxels with a label in the first mask alone."""
    only_second: int
    """Voxels with a label in the second mask alone."""
    other_label: int
    """Voxels with a label in each mask, which differ."""
    labels: tuple[LabelComparison, ...]
    """Labels of at least one of the masks."""
    slices: tuple[tuple[int, ...], ...]
    """Voxels that differ in each slice, along each axis of the stored grid."""
