"""Verifies drawn measurements, and computes their lengths, angles and areas from the points."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest
from imaging.reader_measurements.grid import MeasuredGrid
from imaging.reader_measurements.measurement import MeasurementKind, ReaderMeasurement

TOLERANCE = 0.05
"""Fraction of a voxel by which points may miss their slice, the grid or a parallel side: the page
has the scan's geometry in single precision."""
_HINT = "Draw the measurement again on one slice of this scan."


def measured(
    measurements: Sequence[ReaderMeasurement], grid: MeasuredGrid
) -> tuple[ReaderMeasurement, ...]:
    """The measurements with their sizes.

    Raises BadRequest for points outside the scan, for a region that is not on one slice or not of
    its shape, and for one without a size.
    """
    return tuple(_measured(one, grid) for one in measurements)


def _measured(one: ReaderMeasurement, grid: MeasuredGrid) -> ReaderMeasurement:
    voxels = grid.voxels(one.points)
    _check_inside(one, voxels, grid)
    if one.kind.is_region:
        _check_region(one, voxels, grid)
    size, unit = _size(one, grid)
    if size is not None and not size > 0 and one.kind is not MeasurementKind.ANGLE:
        raise _wrong(one, "has no size", "Points apart from each other.")
    return replace(one, size=size, unit=unit)


def _size(one: ReaderMeasurement, grid: MeasuredGrid) -> tuple[float | None, str]:
    at = grid.plain(one.points)
    if one.kind is MeasurementKind.LENGTH:
        return float(np.linalg.norm(at[1] - at[0])), grid.unit
    if one.kind is MeasurementKind.ANGLE:
        return _angle(one, at[0] - at[1], at[2] - at[1]), "degrees"
    if one.kind is MeasurementKind.RECTANGLE:
        return _parallelogram(at[1] - at[0], at[3] - at[0]), f"{grid.unit}2"
    if one.kind is MeasurementKind.ELLIPSE:
        return np.pi / 4 * _parallelogram(at[1] - at[0], at[3] - at[2]), f"{grid.unit}2"
    return None, ""


def _angle(
    one: ReaderMeasurement, first: NDArray[np.float64], second: NDArray[np.float64]
) -> float:
    """The angle between two directions in degrees, 0 to 180."""
    if not (first.any() and second.any()):
        raise _wrong(one, "has a side without length", "Three points apart from each other.")
    across = _parallelogram(first, second)
    return float(np.degrees(np.arctan2(across, first @ second)))


def _parallelogram(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The area between two sides (Lagrange's identity), in any number of dimensions."""
    square = (first @ first) * (second @ second) - (first @ second) ** 2
    return math.sqrt(max(0.0, float(square)))


def _check_inside(one: ReaderMeasurement, voxels: NDArray[np.float64], grid: MeasuredGrid) -> None:
    edge = 0.5 + TOLERANCE
    inside = (voxels >= -edge) & (voxels <= np.array(grid.shape) - 1 + edge)
    if not inside.all():  # NaN is not inside
        unit = "pixels (column, row, 0)" if grid.is_image else "RAS+ mm"
        raise _wrong(one, "is outside the scan", f"Points inside the scan, in {unit}.")


def _check_region(one: ReaderMeasurement, voxels: NDArray[np.float64], grid: MeasuredGrid) -> None:
    if not grid.is_image and slice_axis(voxels) is None:
        raise _wrong(one, "is not on one slice", "Points on one stored slice, on any axis.")
    a, b, c, d = voxels
    if one.kind is MeasurementKind.RECTANGLE:
        sides, gap = (b - a, d - a), a + c - b - d
        expected = "Four corners in order, with sides along the axes of the grid."
    else:
        sides, gap = (b - a, d - c), a + b - c - d
        expected = "Both ends of one axis, then of the other, along the axes of the grid."
    if any(np.abs(side).max() <= 2 * TOLERANCE for side in sides):  # it could lie on two slices
        raise _wrong(one, "has no size", "Points apart from each other.")
    slanted = any(np.sort(np.abs(side))[-2] > TOLERANCE for side in sides)
    if slanted or np.abs(gap).max() > 2 * TOLERANCE:
        raise _wrong(one, "is not of its shape", expected)


def slice_axis(voxels: NDArray[np.float64]) -> int | None:
    """The axis along which points of a volume are in the same slice; None if there is none."""
    nearest = np.rint(voxels[0])
    flat = np.flatnonzero((np.abs(voxels - nearest) <= TOLERANCE).all(0))
    return int(flat[0]) if flat.size else None


def _wrong(one: ReaderMeasurement, what: str, expected: str) -> BadRequest:
    return BadRequest(f"The {one.kind} {one.id} {what}.", expected=expected, hint=_HINT)
