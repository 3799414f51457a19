"""What the scans were like that a network was trained on, as a card states it. Torch-free."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from imaging.frozen_model import FrozenModel

Number = Annotated[float, Field(allow_inf_nan=False)]
CodeString = Annotated[str, Field(pattern=r"^[A-Z0-9 _]{1,16}$")]
"""A value of VR CS (PS3.5, 6.2), such as `MR`."""


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("a range needs two numbers, the lower first")
    return limits


Range = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""Lowest and highest value."""


class ValueRange(FrozenModel):
    """Which values the voxels of the training scans have, in the scan's own units."""

    low: Range
    """Range of the scans' 1st percentiles: the value that 1 % of a scan's voxels do not exceed."""
    high: Range
    """Range of the scans' 99th percentiles: the value that 99 % of a scan's voxels do not
    exceed."""


class TrainingRange(FrozenModel):
    """What the training scans of one channel were like. A scan outside of it is segmented, with a
    warning in the report; what is left empty is not checked."""

    spacing_mm: tuple[Range, ...] = ()
    """Voxel size in mm, a range per axis (RAS+ for a volume), before any resampling."""
    extent_mm: tuple[Range, ...] = ()
    """Length of the whole scan in mm, a range per axis (RAS+ for a volume)."""
    values: ValueRange | None = None
    """Voxel values. State them where they can be compared between scans: values with a unit, such
    as Hounsfield units, or of images that are all stored alike."""
    modalities: tuple[CodeString, ...] = ()
    """DICOM modalities, such as `CT` or `MR` (PS3.3, C.7.3.1.1.1)."""
    body_parts: tuple[CodeString, ...] = ()
    """DICOM body parts, such as `ABDOMEN` (PS3.16, annex L). State all that fit: a scan states
    one."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for field in ("spacing_mm", "extent_mm"):
            if any(low <= 0 for low, _ in getattr(self, field)):
                raise ValueError(f"{field} needs positive numbers")
        return self

    def check_dimension(self, axes: int) -> None:
        """Raises ValueError unless every range of lengths has one entry per spatial axis."""
        for field in ("spacing_mm", "extent_mm"):
            if len(getattr(self, field)) not in (0, axes):
                raise ValueError(f"{field} of trained_on needs {axes} ranges, one for each axis")
