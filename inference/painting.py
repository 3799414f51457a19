"""Paints the labels of one mask over another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import slabs


def paint(mask: NDArray[Any], over: NDArray[Any], values: Mapping[int, int]) -> None:
    """Where `mask` has a label that is a key of `values`, `over` gets its value there.

    All other voxels stay as they are: a part that finds nothing at a voxel erases nothing.
    """
    table = np.zeros(int(np.iinfo(mask.dtype).max) + 1, over.dtype)
    for label, value in values.items():
        table[label] = value
    for slab in slabs(over.shape):
        painted = table[mask[slab]]
        np.copyto(over[slab], painted, where=painted != 0)
