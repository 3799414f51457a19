"""The spatial axes of an OME-Zarr image: units, and directions in the patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnsupportedScan
from imaging.formats.affine import check_affine_mm, impossible_length, is_length_mm
from imaging.formats.length_units import length_mm

DIRECTIONS = {
    "left-to-right": (0, 1.0),
    "right-to-left": (0, -1.0),
    "posterior-to-anterior": (1, 1.0),
    "anterior-to-posterior": (1, -1.0),
    "inferior-to-superior": (2, 1.0),
    "superior-to-inferior": (2, -1.0),
}
"""Orientation of an axis (NGFF RFC-4) -> the axis of RAS+ space, and the sign along it."""
_LPS = {"x": "right-to-left", "y": "anterior-to-posterior", "z": "inferior-to-superior"}
"""Orientation of each axis where the file does not state it: LPS, as in ITK and DICOM."""


@dataclass(frozen=True, slots=True)
class SpatialAxis:
    """One spatial axis, with its numbers in its own unit."""

    name: str
    step: float
    """Distance between voxels."""
    first: float = 0.0
    """Position of the first voxel along the axis' own direction."""
    unit: str = ""
    """Empty where the file states none, or none of length."""
    orientation: str = ""
    """As in DIRECTIONS; empty where the file does not state it."""

    @property
    def unit_mm(self) -> float | None:
        """Length of the unit; None without one."""
        return length_mm(self.unit)

    @property
    def metadata(self) -> dict[str, Any]:
        """Its entry in the `axes` of a multiscale (NGFF 0.4, 3.1)."""
        axis: dict[str, Any] = {"name": self.name, "type": "space"}
        if self.unit:
            axis["unit"] = self.unit
        if self.orientation:
            axis["orientation"] = {"type": "anatomical", "value": self.orientation}
        return axis


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The place of a grid in space."""

    affine: NDArray[np.float64]
    """(4, 4): voxel index -> RAS+ mm; the identity for an image."""
    spacing_mm: tuple[float, ...] | None
    warnings: tuple[str, ...]


def parsed_axis(entry: Mapping[str, Any], step: float, first: float) -> SpatialAxis:
    """The axis of an entry of `axes`; `step` and `first` are in the axis' own unit."""
    unit = str(entry.get("unit") or "")
    value = str((entry.get("orientation") or {}).get("value") or "")
    return SpatialAxis(
        name=str(entry["name"]),
        step=step,
        first=first,
        unit="" if length_mm(unit) is None else unit,
        orientation=value if value in DIRECTIONS else "",
    )


def geometry_of(axes: Sequence[SpatialAxis]) -> Geometry:
    """The geometry of a volume, or of an image of two axes.

    An axis without a unit of length takes that of the others; where no axis has one, a volume has
    voxels in millimetres and an image has no pixel size. Warns of both. Raises UnsupportedScan
    where two axes have the same direction, or lengths are impossible.
    """
    volume = len(axes) == 3
    scales, warning = _scales(axes)
    spacing = tuple(axis.step * mm for axis, mm in zip(axes, scales, strict=True))
    if not all(is_length_mm(mm) for mm, unit in zip(spacing, scales, strict=True) if unit):
        raise impossible_length()
    warnings = [warning] if warning else []
    if not volume:
        return Geometry(np.eye(4), spacing if all(spacing) else None, tuple(warnings))
    if not all(axis.orientation for axis in axes):
        warnings.append(
            "The file does not state how its axes are oriented; x, y, z are assumed to be LPS."
        )
        directions = [_LPS[axis.name] for axis in axes]
    else:
        directions = [axis.orientation for axis in axes]
    first = [axis.first * mm for axis, mm in zip(axes, scales, strict=True)]
    affine = _affine(directions, spacing, first)
    check_affine_mm(affine)
    return Geometry(affine, spacing, tuple(warnings))


def _scales(axes: Sequence[SpatialAxis]) -> tuple[list[float], str]:
    """Length of each axis' unit in mm, 0 where it is unknown; and a warning."""
    known = {axis.unit_mm for axis in axes} - {None}
    missing = [axis.name for axis in axes if axis.unit_mm is None]
    if not missing:
        return [axis.unit_mm or 0.0 for axis in axes], ""
    if len(known) == 1:
        (mm,) = known
        names = " and ".join(missing)
        warning = (
            f"The file states no unit of length for the axis {names}; the unit of the other axes "
            "is assumed."
        )
        return [axis.unit_mm or mm or 0.0 for axis in axes], warning
    if known:
        raise _unsupported(
            "The axes of the image have different units of length, and one axis has none."
        )
    if len(axes) == 3:
        return [1.0] * 3, "The file states no unit of length; millimetres are assumed."
    if all(axis.step == 1.0 for axis in axes):
        return [0.0] * 2, ""
    return [0.0] * 2, "The file states no unit of length, so the size of a pixel is unknown."


def _affine(
    directions: Sequence[str], spacing: Sequence[float], first: Sequence[float]
) -> NDArray[np.float64]:
    if len({DIRECTIONS[name][0] for name in directions}) < 3:
        raise _unsupported("Two axes of the image have the same orientation.")
    affine = np.zeros((4, 4))
    affine[3, 3] = 1.0
    for axis, (name, mm, at) in enumerate(zip(directions, spacing, first, strict=True)):
        world, sign = DIRECTIONS[name]
        affine[world, axis] = sign * mm
        affine[world, 3] = sign * at
    return affine


def _unsupported(detail: str) -> UnsupportedScan:
    return UnsupportedScan(
        detail,
        expected="Spatial axes with a unit of length each, such as micrometer (NGFF 0.4, 3.1).",
        hint="Correct the axes in the metadata of the image.",
    )
