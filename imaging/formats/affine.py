"""Checks of an affine that a file's header gives.

Nine numbers are computed with faster as floats than as arrays.
"""

from collections.abc import Sequence
from math import asin, degrees, inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnsupportedScan

ORIENTATION_UNKNOWN = (
    "The file does not say how the scan is oriented: left and right may be swapped."
)
"""A warning."""
_LEAST_MM, _MOST_MM = 1e-12, 1e12
"""Bounds of voxel sizes, and of distances from the origin. A file that states a wrong unit is far
outside; within them, float32 holds every position, also in a format that stores nothing else."""
_SINGULAR = 1e-6
"""|det| of the unit-length columns below which the axes count as parallel."""
_SHEAR_DEGREES = 0.05
"""Above rounding by float32 and by printed numbers of five digits."""


_Vector = tuple[float, float, float]


def axis_lengths(affine: NDArray[np.float64]) -> _Vector:
    """The voxel size along each axis of `affine`, (4, 4), in the affine's unit."""
    return _lengths(_columns(affine))


def is_valid(affine: NDArray[np.float64]) -> bool:
    """Whether `affine`, (4, 4), is finite and its three axes span space."""
    if not _is_finite(affine):
        return False
    columns = _columns(affine)
    lengths = _lengths(columns)
    if not 0 < min(lengths) <= max(lengths) < inf:
        return False
    first, second, third = map(_scaled, columns, lengths)
    return abs(_dot(_cross(first, second), third)) > _SINGULAR


def is_length_mm(mm: float) -> bool:
    """Whether it is a possible size of a voxel in mm; False for NaN."""
    return _LEAST_MM <= mm <= _MOST_MM


def check_affine_mm(affine: NDArray[np.float64]) -> None:
    """Raises UnsupportedScan unless `affine`, (4, 4), voxel index -> RAS+ mm, is valid and within
    the bounds of lengths."""
    if _is_finite(affine) and max(map(abs, affine[:3].ravel().tolist())) > _MOST_MM:
        raise impossible_length()
    if not is_valid(affine):
        raise invalid_affine()
    if not all(map(is_length_mm, axis_lengths(affine))):
        raise impossible_length()


def impossible_length() -> UnsupportedScan:
    """The error for a voxel size or a position that nothing can have."""
    return UnsupportedScan(
        "The scan's voxel size, or its distance from the origin, is impossibly large or small.",
        expected=f"Voxel sizes from {_LEAST_MM:g} to {_MOST_MM:g} mm, and positions up to "
        f"{_MOST_MM:g} mm.",
        hint="Correct the voxel size, the position or the unit in the header.",
    )


def invalid_affine() -> UnsupportedScan:
    """The error for an affine that is not valid."""
    return UnsupportedScan(
        "The scan's affine is singular or not finite: its voxels have no position in space.",
        expected="An affine whose three axes have a length and point in different directions.",
        hint="Set a valid affine, for example from the original series, and send the scan again.",
    )


def completed(
    affine: NDArray[np.float64], grid: tuple[int, int, int], sizes: Sequence[float]
) -> NDArray[np.float64]:
    """The affine with a direction for the third axis of a single slice, where it states none.

    A writer of 2D images leaves the column of the third axis zero. It becomes perpendicular to the
    slice, `sizes[2]` long.
    """
    columns = affine[:3, :3]
    if grid[2] != 1 or columns[:, 2].any() or not np.isfinite(columns).all():
        return affine
    normal = np.cross(columns[:, 0], columns[:, 1])
    length = np.linalg.norm(normal)
    if not length > 0:
        return affine
    result = affine.copy()
    result[:3, 2] = normal / length * sizes[2]
    return result


def corner_distance(
    first: NDArray[np.float64], second: NDArray[np.float64], grid: tuple[int, ...]
) -> float:
    """The largest distance of a corner of the grid under two affines, in the affines' unit."""
    ends = [(0, length - 1) for length in grid]
    corners = np.array([(i, j, k, 1) for i in ends[0] for j in ends[1] for k in ends[2]], float)
    return float(np.linalg.norm(((first - second) @ corners.T)[:3], axis=0).max())


def shear_degrees(affine: NDArray[np.float64]) -> float:
    """How far the angle between two axes is from a right angle, at most.

    An axis of length 0, as of a single slice without a thickness, is at a right angle to all.
    """
    columns = _columns(affine)
    first, second, third = map(_scaled, columns, _lengths(columns))
    cosines = (_dot(first, second), _dot(second, third), _dot(third, first))
    return degrees(asin(min(1.0, max(map(abs, cosines)))))


def is_sheared(affine: NDArray[np.float64]) -> bool:
    """Whether the axes are not perpendicular, beyond what rounding explains."""
    return shear_degrees(affine) > _SHEAR_DEGREES


def shear_warnings(affine: NDArray[np.float64]) -> tuple[str, ...]:
    """A warning if the axes are not perpendicular."""
    if not is_sheared(affine):
        return ()
    warning = (
        "The axes of the scan are not perpendicular: an angle differs by "
        f"{shear_degrees(affine):.2g} degrees from 90. Some programs, such as ITK, 3D Slicer and "
        "FSL, refuse or distort such a scan and its mask."
    )
    return (warning,)


def _is_finite(affine: NDArray[np.float64]) -> bool:
    return all(map(isfinite, affine.ravel().tolist()))


def _columns(affine: NDArray[np.float64]) -> tuple[_Vector, _Vector, _Vector]:
    first, second, third = affine[:3, :3].T.tolist()
    return first, second, third


def _lengths(columns: tuple[_Vector, _Vector, _Vector]) -> _Vector:
    """Infinite, or 0, where a square is: such a column is not a valid axis."""
    first, second, third = columns
    return sqrt(_dot(first, first)), sqrt(_dot(second, second)), sqrt(_dot(third, third))


def _scaled(vector: _Vector, length: float) -> _Vector:
    """The direction of a vector of this length; one of length 0 stays as it is."""
    (x, y, z), length = vector, length or 1.0
    return x / length, y / length, z / length


def _dot(first: _Vector, second: _Vector) -> float:
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def _cross(first: _Vector, second: _Vector) -> _Vector:
    (a, b, c), (x, y, z) = first, second
    return b * z - c * y, c * x - a * z, a * y - b * x
