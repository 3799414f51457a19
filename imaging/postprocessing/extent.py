"""The bounding box of a label."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import slabs


def label_extent(mask: NDArray[Any], value: int) -> tuple[slice, ...] | None:
    """The smallest box that holds label `value`, or None where the mask does not contain it."""
    occupied = [np.zeros(n, bool) for n in mask.shape]
    for rows in slabs(mask.shape):
        inside = mask[rows] == value
        for axis, line in enumerate(occupied):
            others = tuple(a for a in range(mask.ndim) if a != axis)
            line[rows if axis == 0 else slice(None)] |= inside.any(axis=others)
    ends = [np.flatnonzero(line)[[0, -1]] for line in occupied if line.any()]
    return tuple(slice(int(a), int(b) + 1) for a, b in ends) or None
