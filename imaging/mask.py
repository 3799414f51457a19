"""Cleans a mask: the largest component, and holes filled.

Parts of a label touch by faces, edges or corners; its holes, the other way about, by faces alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def largest_component(mask: NDArray[Any], value: int) -> None:
    """Sets all of label `value` but its largest component to 0, in place.

    Of components of the same size, the one whose first voxel comes first in raster order stays.
    """
    cut = _extent(mask, value)
    if cut is not None:
        _keep_largest(mask[cut], mask[cut] == value)


def one_piece(mask: NDArray[Any]) -> None:
    """As `largest_component`, of all labels together: the largest piece stays whole, in place."""
    _keep_largest(mask, mask > 0)


def _keep_largest(mask: NDArray[Any], inside: NDArray[np.bool_]) -> None:
    """Sets all that is inside, but not of its largest component, to 0, in place."""
    components, count = ndimage.label(inside, np.ones((3,) * mask.ndim, bool))
    if count < 2:
        return
    sizes = np.bincount(components.ravel())
    sizes[0] = 0
    largest = np.isin(components, np.flatnonzero(sizes == sizes.max()))
    keep = components.ravel()[int(largest.ravel().argmax())]
    mask[(components > 0) & (components != keep)] = 0


def fill_holes(mask: NDArray[Any], value: int) -> None:
    """Gives background that `value` encloses the label `value`, in place.

    Another label inside stays what it is. In a volume a hole must be closed in all three axes.
    """
    cut = _extent(mask, value)
    if cut is None:
        return
    part = mask[cut]
    filled = ndimage.binary_fill_holes(part == value)
    part[filled & (part == 0)] = value


def _extent(mask: NDArray[Any], value: int) -> tuple[slice, ...] | None:
    """The smallest box that holds label `value`, or None where there is none."""
    slices = []
    here = mask == value
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        found = np.flatnonzero(here.any(axis=others))
        if not found.size:
            return None
        slices.append(slice(int(found[0]), int(found[-1]) + 1))
    return tuple(slices)
