"""The smallest box around some voxels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.large_arrays import slabs

Chosen = Callable[[slice], NDArray[np.bool_]]
"""Which voxels are chosen, for a range of the first axis."""


def occupied_box(grid: tuple[int, ...], chosen: Chosen) -> Box:
    """The smallest box around the chosen voxels; the whole grid where there are none."""
    occupied = [np.zeros(n, bool) for n in grid]
    for rows in slabs(grid):
        here = chosen(rows)
        for axis, line in enumerate(occupied):
            others = tuple(a for a in range(here.ndim) if a != axis)
            line[rows if axis == 0 else slice(None)] |= here.any(axis=others)
    if not occupied[0].any():
        return Box.whole(grid)
    ends = [np.flatnonzero(line)[[0, -1]] for line in occupied]
    return Box(tuple(int(a) for a, _ in ends), tuple(int(b) + 1 for _, b in ends))
