"""The voxels of a volume in the order of most files: the first axis varies fastest."""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box

_BLOCK_BYTES = 1 << 26

ReadSlices = Callable[[int, int], NDArray[Any]]
"""(first, stop) -> that range of slices along the last axis."""


def voxel_blocks(read: ReadSlices, grid: Sequence[int], stored: np.dtype[Any]) -> Iterator[bytes]:
    """The voxels as the type `stored`, in blocks of several slices.

    An array in C order would otherwise be traversed once for each slice.
    """
    step = max(1, _BLOCK_BYTES // (prod(grid[:-1]) * stored.itemsize))
    for first in range(0, grid[-1], step):
        slices = read(first, min(first + step, grid[-1]))
        yield slices.astype(stored, copy=False).tobytes("F")


def slice_reader(voxels: Callable[[Box], NDArray[Any]], grid: Sequence[int]) -> ReadSlices:
    """Reads slices through the reader of a scan with one component: box -> (1, *box.shape)."""
    start, stop = (0,) * (len(grid) - 1), tuple(grid[:-1])

    def read(first: int, end: int) -> NDArray[Any]:
        slices: NDArray[Any] = voxels(Box((*start, first), (*stop, end)))[0]
        return slices

    return read
