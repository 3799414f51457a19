"""Polygons around the mask of a plane, which reproduce the mask exactly when they are filled.

The corners of a polygon are half-way between a voxel inside and one outside, so that filling it by
voxel centres gives the same voxels. A hole is connected with the polygon around it by a channel of
zero width, the keyhole of PS3.3 C.8.8.6.3. Channels run a quarter of a voxel beside the centres of
voxels and never through one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
_BESIDE = 0.25


def polygons(inside: NDArray[np.bool_]) -> list[Points]:
    """Closed polygons around all True voxels of a plane, each (points, 2) of (row, column)."""
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    if not rows.size:
        return []
    top, left = rows[0], columns[0]
    part = inside[top : rows[-1] + 1, left : columns[-1] + 1]
    generator = contour_generator(
        z=np.pad(part, 1).astype(np.float64), fill_type=FillType.OuterOffset
    )
    found: Any = generator.filled(0.5, np.inf)
    shift = np.array([top - 1, left - 1], np.float64)
    return [
        _joined([_ring(points[a:b]) for a, b in pairwise(ends)]) + shift
        for points, ends in zip(*found, strict=True)
    ]


def _ring(points: Points) -> Points:
    """A closed line of (column, row) -> its corners as (row, column), the first not repeated."""
    ring = points[:-1, ::-1]
    before, after = ring - np.roll(ring, 1, 0), np.roll(ring, -1, 0) - ring
    corners: Points = ring[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return corners


def _joined(rings: list[Points]) -> Points:
    """One ring that runs along all rings; the first is the outer one."""
    if len(rings) == 1:
        return rings[0]
    doors = _doors(rings)
    inner: list[list[int]] = [[] for _ in rings]
    for hole, (_, end) in doors.items():
        inner[end.ring].append(hole)
    steps, path = [_route(rings, doors, inner, 0)], []
    while steps:
        step = next(steps[-1], None)
        if step is None:
            steps.pop()
        elif isinstance(step, int):
            steps.append(_route(rings, doors, inner, step))
        else:
            path.append(step)
    return np.concatenate(path)


@dataclass(frozen=True, slots=True)
class _Door:
    """The end of a channel on a ring."""

    ring: int
    edge: int
    """Index of the corner at which the edge begins."""
    along: float
    """Position on the edge, from 0 to 1."""
    point: tuple[float, float]


def _doors(rings: list[Points]) -> dict[int, tuple[_Door, _Door]]:
    """Hole -> the two ends of its channel, first the one on the hole itself.

    A channel runs from beside the leftmost corner of the hole along a row to the next ring on its
    left. That ring extends further to the left, so that all channels lead to the outer ring.
    """
    row, column, ring, edge, along = _crossings(rings)
    doors = {}
    for hole in range(1, len(rings)):
        corner = rings[hole][rings[hole][:, 1].argmin()]
        first, stop = np.searchsorted(row, (corner[0], corner[0] + 1))
        at = first + int((ring[first:stop] == hole).argmax())
        ends = (
            _Door(int(ring[n]), int(edge[n]), float(along[n]), (corner[0] + _BESIDE, column[n]))
            for n in (at, at - 1)
        )
        start, end = ends
        doors[hole] = (start, end)
    return doors


def _crossings(rings: list[Points]) -> tuple[NDArray[Any], ...]:
    """Crossings of edges with the lines a quarter below rows, by row and from left to right.

    Arrays: row, column, index of the ring, index of the edge, position on the edge.
    """
    a, b = np.concatenate(rings), np.concatenate([np.roll(ring, -1, 0) for ring in rings])
    ring = np.repeat(np.arange(len(rings)), [len(one) for one in rings])
    edge = np.concatenate([np.arange(len(one)) for one in rings])
    first, stop = (
        np.ceil(ends - _BESIDE).astype(int)
        for ends in (np.minimum(a, b)[:, 0], np.maximum(a, b)[:, 0])
    )
    which = np.repeat(np.arange(len(a)), stop - first)
    begin = np.repeat(np.cumsum(stop - first) - (stop - first), stop - first)
    row = first[which] + np.arange(len(which)) - begin
    along = (row + _BESIDE - a[which, 0]) / (b[which, 0] - a[which, 0])
    column = a[which, 1] + along * (b[which, 1] - a[which, 1])
    order = np.lexsort((column, row))
    return tuple(values[order] for values in (row, column, ring[which], edge[which], along))


def _route(
    rings: list[Points],
    doors: dict[int, tuple[_Door, _Door]],
    inner: list[list[int]],
    ring: int,
) -> Iterator[Points | int]:
    """The corners of a ring from its own channel around, and the holes to enter on the way."""
    corners = rings[ring]
    start, end = doors.get(ring, (None, None))
    edge, along = (start.edge, start.along) if start else (len(corners) - 1, 1.0)

    def order(hole: int) -> tuple[int, float]:
        met = doors[hole][1]
        passed = (met.edge - edge) % len(corners)
        return (passed or len(corners) * (met.along < along), met.along)

    if start and end:
        yield np.array([end.point, start.point])
    turned, done = np.roll(corners, -edge - 1, 0), 0
    for hole in sorted(inner[ring], key=order):
        passed = order(hole)[0]
        yield turned[done:passed]
        yield hole
        done = passed
    yield turned[done:]
    if start and end:
        yield np.array([start.point, end.point])
