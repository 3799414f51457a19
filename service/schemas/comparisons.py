"""Comparisons of two masks."""

from typing import Literal

from service.schemas.fields import Wire


class ComparedMaskOut(Wire):
    """A mask of a comparison."""

    job: str
    review: str | None
    """Id of the review with the corrected mask; null: the job's own mask."""


class LabelComparisonOut(Wire):
    """One label in both masks."""

    value: int
    """Its number in the first mask, or a free number if only the second mask has it."""
    name: str
    dice: float
    """2 |A and B| / (|A| + |B|)."""
    first: int
    """Voxels of the label in the first mask."""
    second: int
    common: int
    """Voxels with the label in both masks."""


class ComparisonOut(Wire):
    """What two masks have in common, and where they differ. Sizes are numbers of voxels."""

    first: ComparedMaskOut
    second: ComparedMaskOut
    matched_by: Literal["name", "number"]
    """Whether labels of the same name or of the same number were compared."""
    renumbered: dict[str, int]
    """Label of the second mask -> its number in this answer, where labels are matched by name."""
    objects: bool
    """Whether a mask numbers objects: all objects together were then compared, as one label."""
    voxel_ml: float | None
    """Volume of a voxel in ml; null for an image."""
    voxel_mm2: float | None
    """Area of a pixel in mm²; null for a volume, and for an image without a pixel size."""
    dice: float
    """Dice over all labels: 2 sum |A and B| / sum (|A| + |B|)."""
    agreement: int
    """Voxels with the same label in both masks."""
    only_first: int
    """Voxels with a label in the first mask alone."""
    only_second: int
    other_label: int
    """Voxels with a label in each mask, which differ."""
    labels: list[LabelComparisonOut]
    """Labels of at least one of the masks, by number."""
    slices: list[list[int]]
    """Voxels that differ in each slice, along each axis of the stored grid."""
