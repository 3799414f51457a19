"""A plane's mask as polygons between the voxels, from which the mask comes back exactly.

A polygon's corners lie half-way between a voxel inside and one outside: whoever fills it by voxel
centres finds every voxel where it was. A hole is joined to what is around it by a channel of no
width, the keyhole of PS3.3 C.8.8.6.3; channels run a quarter of a voxel beside the voxels' centres
and never through one.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
_BESIDE = 0.25


def polygons(inside: NDArray[np.bool_]) -> list[Points]:
    """Closed polygons, each (points, 2) of (row, column), around all that is inside a plane."""
    rows, columns = np.nonzero(inside)
    if not rows.size:
        return []
    top, left = rows.min(), columns.min()
    part = inside[top : rows.max() + 1, left : columns.max() + 1]
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
    """(column, row), first point again at the end -> (row, column) corners alone."""
    ring = points[:-1, ::-1]
    before, after = ring - np.roll(ring, 1, 0), np.roll(ring, -1, 0) - ring
    corners: Points = ring[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return corners


def _joined(rings: list[Points]) -> Points:
    """The outer ring with all holes in it, the leftmost first: left of it is nothing unjoined."""
    outer, holes = rings[0], sorted(rings[1:], key=lambda ring: float(ring[:, 1].min()))
    for hole in holes:
        outer = _keyhole(outer, hole)
    return outer


def _keyhole(outer: Points, hole: Points) -> Points:
    """One ring: along `outer` to the channel, through it, around `hole`, and back."""
    first = int(hole[:, 1].argmin())
    row = hole[first, 0] + _BESIDE
    edge, column = _crossing(hole, row, np.inf, rightmost=False)
    start = np.array([[row, column]])
    turned = np.roll(hole, -edge - 1, 0)
    edge, column = _crossing(outer, row, column, rightmost=True)
    end = np.array([[row, column]])
    return np.concatenate((outer[: edge + 1], end, start, turned, start, end, outer[edge + 1 :]))


def _crossing(ring: Points, row: float, before: float, *, rightmost: bool) -> tuple[int, float]:
    """The edge of `ring` that crosses `row`, and where: the outermost one left of `before`."""
    following = np.roll(ring, -1, 0)
    across = np.flatnonzero((ring[:, 0] > row) != (following[:, 0] > row))
    a, b = ring[across], following[across]
    columns = a[:, 1] + (row - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    fits = np.flatnonzero(columns < before)
    at = fits[columns[fits].argmax() if rightmost else columns[fits].argmin()]
    return int(across[at]), float(columns[at])
