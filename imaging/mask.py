"""Cleans a mask, slab by slab: the largest component, and holes filled.

Parts of a label touch by faces, edges or corners; its holes, the other way about, by faces alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.components import Components, Inside
from imaging.large_arrays import slabs


def largest_component(mask: NDArray[Any], value: int) -> None:
    """Sets all of label `value` but its largest component to 0, in place.

    Of components of the same size, the one whose first voxel comes first in raster order stays.
    """
    cut = _extent(mask, value)
    if cut is not None:
        part = mask[cut]
        _keep_largest(part, lambda rows: part[rows] == value)


def one_piece(mask: NDArray[Any]) -> None:
    """As `largest_component`, of all labels together: the largest piece stays whole, in place."""
    _keep_largest(mask, lambda rows: mask[rows] > 0)


def _keep_largest(mask: NDArray[Any], inside: Inside) -> None:
    """Sets all that is inside, but not of its largest component, to 0, in place."""
    parts = Components(inside, mask.shape, np.ones((3,) * mask.ndim, bool))
    if parts.count < 2:
        return
    largest = int(parts.sizes.argmax())
    for rows, number in parts.slabs():
        mask[rows][(number > 0) & (number != largest)] = 0


def fill_holes(mask: NDArray[Any], value: int) -> None:
    """Gives background that `value` encloses the label `value`, in place.

    Another label inside stays what it is. In a volume a hole must be closed in all three axes.
    """
    cut = _extent(mask, value)
    if cut is None:
        return
    part = mask[cut]
    faces = ndimage.generate_binary_structure(part.ndim, 1)
    around = Components(lambda rows: part[rows] != value, part.shape, faces)
    hole = np.ones(around.count + 1, bool)
    for rows, number in around.slabs():
        hole[number[_border(rows, part.shape)]] = False
    hole[0] = False
    for rows, number in around.slabs():
        slab = part[rows]
        slab[hole[number] & (slab == 0)] = value


def _border(rows: slice, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which voxels of a slab lie on a side of the whole array."""
    border = np.ones((rows.stop - rows.start, *shape[1:]), bool)
    inner = slice(1 if rows.start == 0 else 0, -1 if rows.stop == shape[0] else None)
    border[(inner, *(slice(1, -1),) * (len(shape) - 1))] = False
    return border


def _extent(mask: NDArray[Any], value: int) -> tuple[slice, ...] | None:
    """The smallest box that holds label `value`, or None where there is none."""
    here = [np.zeros(n, bool) for n in mask.shape]
    for rows in slabs(mask.shape):
        inside = mask[rows] == value
        for axis, found in enumerate(here):
            others = tuple(a for a in range(mask.ndim) if a != axis)
            found[rows if axis == 0 else slice(None)] |= inside.any(axis=others)
    ends = [np.flatnonzero(found)[[0, -1]] for found in here if found.any()]
    return tuple(slice(int(a), int(b) + 1) for a, b in ends) or None
