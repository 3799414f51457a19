"""Resampling of a scan onto another scan's grid."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import ScanModelMismatch
from imaging.intensity import scan_blocks
from imaging.padding import interpolated
from imaging.scan import Scan

_PART_VOXELS = 1 << 19
_READ_VOXELS = 1 << 21


def onto_grid(scan: Scan, shape: tuple[int, ...], affine: NDArray[np.float64]) -> Scan:
    """The scan as float32 on another grid of spatial `shape` and `affine`, read lazily.

    Linear interpolation through both affines, for any rotation between them. Coordinates are
    rounded to a millionth of a voxel, so that grids that coincide give identical values. Within
    half a voxel of the scan's edge the edge voxel is repeated; beyond that the value is the scan's
    lowest finite value. Images have no position in space: raises ScanModelMismatch if their shapes
    differ, or if an image meets a volume.
    """
    if scan.grid == tuple(shape) and np.array_equal(scan.affine, affine):
        return scan
    if scan.dimension == 2 or len(shape) == 2:
        raise ScanModelMismatch(
            f"The scans of one subject have the grids {scan.grid} and {tuple(shape)}.",
            expected="Volumes, or images with the same number of rows and columns.",
            hint="Resize the images to the same size and upload them again.",
        )
    pull = np.linalg.inv(scan.affine) @ affine
    lowest = lru_cache(1)(lambda: _lowest(scan))

    def read(box: Box) -> NDArray[Any]:
        out = np.empty((scan.shape[0], *box.shape), np.float32)
        for part in _parts(box, pull, scan.grid):
            start, stop = (np.subtract(edge, box.start) for edge in (part.start, part.stop))
            here = Box(tuple(start), tuple(stop)).slices
            out[(slice(None), *here)] = _pulled(scan, pull, part, lowest)
        return out

    return replace(
        scan,
        padding=None,  # statistics are measured before
        shape=(scan.shape[0], *shape),
        dtype=np.dtype(np.float32),
        affine=affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(affine[:3, :3], axis=0)),
        reader=read,
        stored_shape=tuple(shape),
    )


def _parts(box: Box, pull: NDArray[np.float64], grid: tuple[int, ...]) -> Iterator[Box]:
    """Parts of `box` that are small, and that read only small boxes of `grid` through `pull`.

    Halves the axis that spans the most source voxels: a flat slab, rotated, would read most of a
    scan.
    """
    reach = np.abs(pull[:3, :3]) * (np.array(box.shape) - 1)  # per axis of `grid`, of `box`
    read = np.minimum(reach.sum(axis=1) + 3, grid).prod()  # both neighbours, at any offset
    if box.size <= 1 or (box.size <= _PART_VOXELS and read <= _READ_VOXELS):
        yield box
        return
    axis = int(reach.sum(axis=0).argmax())
    middle = (box.start[axis] + box.stop[axis]) // 2
    stop, start = list(box.stop), list(box.start)
    stop[axis] = start[axis] = middle
    yield from _parts(Box(box.start, tuple(stop)), pull, grid)
    yield from _parts(Box(tuple(start), box.stop), pull, grid)


def _lowest(scan: Scan) -> float:
    lowest = np.inf
    for box in scan_blocks(scan):
        values = scan.read(box)
        lowest = min(lowest, float(values.min(initial=np.inf, where=np.isfinite(values))))
    return lowest if np.isfinite(lowest) else 0.0


def _pulled(
    scan: Scan, pull: NDArray[np.float64], box: Box, lowest: Callable[[], float]
) -> NDArray[np.float32]:
    """Values of `scan` at the source coordinates of each voxel of `box`."""
    i, j, k = np.ix_(*(np.arange(a, b) for a, b in zip(box.start, box.stop, strict=True)))
    inside = np.ones(box.shape, bool)
    below: list[NDArray[np.intp]] = []
    rest: list[NDArray[np.float64]] = []
    for a, n in enumerate(scan.grid):
        at = np.round(pull[a, 0] * i + pull[a, 1] * j + pull[a, 2] * k + pull[a, 3], 6)
        inside &= (at >= -0.5) & (at <= n - 0.5)
        at = np.clip(at, 0, n - 1)
        floor = np.floor(at).astype(np.intp)
        below.append(floor)
        rest.append(at - floor)
    if not inside.any():
        return np.full((scan.shape[0], *box.shape), lowest(), np.float32)
    values = _interpolated(scan, below, rest, inside)
    if not inside.all():
        values[:, ~inside] = lowest()
    return values.astype(np.float32)


def _interpolated(
    scan: Scan,
    below: list[NDArray[np.intp]],
    rest: list[NDArray[np.float64]],
    inside: NDArray[np.bool_],
) -> NDArray[np.float64]:
    start = tuple(int(b[inside].min()) for b in below)
    stop = tuple(min(n, int(b[inside].max()) + 2) for b, n in zip(below, scan.grid, strict=True))
    source = Box(start, stop)
    low = [np.clip(b - s, 0, e - s - 1) for b, s, e in zip(below, start, stop, strict=True)]
    high = [np.minimum(b + 1, e - s - 1) for b, s, e in zip(low, start, stop, strict=True)]

    def between(
        block: NDArray[np.float64], axis: int, corner: tuple[NDArray[np.intp], ...]
    ) -> NDArray[np.float64]:
        if axis == 3:
            corners: tuple[Any, ...] = (slice(None), *corner)
            values: NDArray[np.float64] = block[corners]
            return values
        first = between(block, axis + 1, (*corner, low[axis]))
        second = between(block, axis + 1, (*corner, high[axis]))
        with np.errstate(invalid="ignore"):
            # a neighbour with weight 0 must not spread its NaN
            return np.where(rest[axis] == 0, first, first + rest[axis] * (second - first))

    return interpolated(
        scan.read(source),
        scan.padding_in(source),
        lambda block: between(block.astype(np.float64), 0, ()),
    )[0]
