"""Statistics of the voxels inside a drawn region."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.reader_measurements.grid import MeasuredGrid
from imaging.reader_measurements.measurement import MeasurementKind, ReaderMeasurement
from imaging.reader_measurements.size import slice_axis
from imaging.scan import Scan

BORDER = 1e-3
"""Voxels whose centre is this fraction of a voxel outside of a region still count: both the page
and the service decide alike about those on the border, in spite of rounding."""
_BLOCK_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the stored values, after the file's scale and offset, whose voxel centres are inside."""

    voxels: int
    """Number of voxels inside, or of pixels."""
    mean: float | None
    """None, as the following: without a finite value, for a colour image, or beyond the range of
    numbers."""
    sd: float | None
    """Standard deviation of these voxels (not an estimate for more of them)."""
    minimum: float | None
    maximum: float | None


def statistics(scan: Scan, one: ReaderMeasurement) -> Statistics:
    """Statistics of a region, or of the voxel at a probe; reads no more than its bounding box."""
    totals = _Totals()
    for box, inside in _parts(MeasuredGrid.of(scan), one):
        values = scan.read(box)[0] if scan.shape[0] == 1 else np.full(box.shape, np.nan)
        totals.add(values[inside])
    return totals.statistics()


def _parts(grid: MeasuredGrid, one: ReaderMeasurement) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Boxes of the grid, and which of their voxels are inside."""
    voxels, last = grid.voxels(one.points), np.array(grid.shape) - 1
    if one.kind is MeasurementKind.PROBE:
        at = np.clip(np.rint(voxels[0]), 0, last).astype(int)
        yield Box(tuple(at.tolist()), tuple((at + 1).tolist())), np.ones((1,) * at.size, bool)
        return
    axis = None if grid.is_image else slice_axis(voxels)
    centre = voxels.mean(0)
    half = np.abs(voxels - centre).max(0) + BORDER
    start = np.clip(np.ceil(centre - half), 0, last + 1).astype(int)
    stop = np.clip(np.floor(centre + half) + 1, start, last + 1).astype(int)
    if axis is not None:
        start[axis] = np.rint(voxels[0, axis])
        stop[axis] = start[axis] + 1
    whole = Box(tuple(start.tolist()), tuple(stop.tolist()))
    plane = [n for n in range(len(grid.shape)) if n != axis]
    for inner in blocks(whole.shape, _BLOCK_VOXELS) if whole.size else ():
        box = whole.part(inner)
        yield box, _inside(one.kind, voxels[:, plane], box, plane)


def _inside(
    kind: MeasurementKind, corners: NDArray[np.float64], box: Box, plane: list[int]
) -> NDArray[np.bool_]:
    """Which voxels of a box are in the region with these points, (4, 2) on the axes `plane`."""
    a, b, c, d = corners
    origin, first, second = (
        (a, b - a, d - a)
        if kind is MeasurementKind.RECTANGLE
        else ((a + b) / 2, (b - a) / 2, (d - c) / 2)
    )
    axes = [np.arange(box.start[n], box.stop[n]) for n in plane]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), -1) - origin
    s, t = np.moveaxis(offsets @ np.linalg.inv(np.stack([first, second])), -1, 0)
    more = BORDER / np.array([np.linalg.norm(first), np.linalg.norm(second)])
    if kind is MeasurementKind.RECTANGLE:
        inside = (s >= -more[0]) & (s <= 1 + more[0]) & (t >= -more[1]) & (t <= 1 + more[1])
    else:
        inside = np.hypot(s, t) <= 1 + more.max()
    return np.asarray(inside).reshape(box.shape)


class _Totals:
    """Mean and squares of parts, joined as by Chan, Golub and LeVeque (1979)."""

    def __init__(self) -> None:
        self._voxels = self._count = 0
        self._mean = self._squares = 0.0
        self._low, self._high = np.inf, -np.inf

    def add(self, values: NDArray[Any]) -> None:
        """Adds the values of a part."""
        self._voxels += values.size
        known = values[np.isfinite(values)].astype(np.float64)
        if not known.size:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # no number: see `statistics`
            mean, count = float(known.mean()), self._count + known.size
            moved = mean - self._mean
            self._squares += float(((known - mean) ** 2).sum())
            self._squares += moved * moved * self._count * known.size / count
        self._mean += moved * known.size / count
        self._count = count
        self._low = min(self._low, float(known.min()))
        self._high = max(self._high, float(known.max()))

    def statistics(self) -> Statistics:
        """Statistics of all parts."""
        if not self._count:
            return Statistics(self._voxels, None, None, None, None)
        sd = float(np.sqrt(self._squares / self._count))
        mean, sd = (value if np.isfinite(value) else None for value in (self._mean, sd))
        return Statistics(self._voxels, mean, sd, self._low, self._high)
