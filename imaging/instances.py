"""Touching objects apart: seeds number the objects, rims go to the nearest seed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def instances(outputs: NDArray[Any], seed: int, rim: int, min_voxels: int) -> NDArray[Any]:
    """Objects numbered 1, 2, 3, ... in raster order of their first voxel; 0 is background.

    `outputs` holds a network's best output for each voxel, 2D or 3D. Face-connected components of
    `seed` are the objects. Each voxel of `rim` goes to the seed that is nearest on a way through
    rim voxels, from face to face; of seeds equally near, to the one that comes first in raster
    order. A rim that no seed touches is an object of its own. Objects of fewer than `min_voxels`
    are dropped. uint16 where the numbers fit, else uint32.
    """
    faces = ndimage.generate_binary_structure(outputs.ndim, 1)
    bordered = np.pad(outputs, 1)  # so that a step over an edge never meets the other side
    labels = np.empty(bordered.shape, np.int32)
    count = ndimage.label(bordered == seed, faces, output=labels)
    free = bordered == rim
    _grow(labels.reshape(-1), free.reshape(-1), bordered.shape)
    free &= labels == 0
    islands, _ = ndimage.label(free, faces)
    labels[free] = islands[free] + count
    inner = (slice(1, -1),) * outputs.ndim
    return _numbered(labels[inner], min_voxels)


def _grow(labels: NDArray[np.int32], free: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    """Grows labels into free voxels, in place, one step of all labels at a time (flat arrays)."""
    strides = np.cumprod((1, *shape[:0:-1]))
    steps = [int(sign * stride) for stride in strides for sign in (1, -1)]
    front = np.flatnonzero(labels)
    while front.size:
        reached = np.concatenate([front + step for step in steps])
        owners = np.tile(labels[front], len(steps))
        open_ = free[reached] & (labels[reached] == 0)
        reached, owners = reached[open_], owners[open_]
        order = np.lexsort((owners, reached))
        reached, owners = reached[order], owners[order]
        first = np.ones(reached.size, bool)
        first[1:] = reached[1:] != reached[:-1]
        front = reached[first]
        labels[front] = owners[first]


def _numbered(labels: NDArray[np.int32], min_voxels: int) -> NDArray[Any]:
    flat = labels.ravel()
    where = np.flatnonzero(flat)
    found = flat[where]
    top = int(found.max(initial=0))
    sizes = np.bincount(found, minlength=top + 1)
    first = np.zeros(top + 1, np.intp)
    first[found[::-1]] = where[::-1]  # of several writes the last, the first in raster order, stays
    kept = np.flatnonzero((sizes >= min_voxels) & (sizes > 0))
    kept = kept[np.argsort(first[kept])]
    dtype = np.uint16 if kept.size <= 65535 else np.uint32
    number = np.zeros(top + 1, dtype)
    number[kept] = np.arange(1, kept.size + 1)
    return number[labels]
