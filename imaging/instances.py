"""Separates touching objects: seeds number the objects, rim voxels join the nearest seed.

Works slab by slab, with the numbers in an array that may be larger than memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # loads its parts at their first use
from numpy.typing import NDArray

from imaging.components import Components
from imaging.large_arrays import large_zeros, slabs

_UNOWNED = np.iinfo(np.int32).max


def number_instances(
    outputs: NDArray[Any], seed: int, rim: int, min_voxels: int, scratch: Path | None = None
) -> NDArray[Any]:
    """Objects numbered 1, 2, 3, ... in raster order of their first voxel; 0 is background.

    `outputs` holds the index of a network's highest output for each voxel, 2D or 3D. Face-connected
    components of `seed` are the objects. Each voxel of `rim` joins the seed with the shortest path
    to it through rim voxels, from face to face; of seeds at the same distance, the first in raster
    order. A rim component that touches no seed is an object of its own. Objects of fewer than
    `min_voxels` voxels are removed. Returns uint16 if the numbers fit, else uint32. `scratch`:
    folder for arrays larger than memory.
    """
    faces = scipy.ndimage.generate_binary_structure(outputs.ndim, 1)
    numbers = large_zeros(outputs.shape, np.int32, scratch)
    seeds = Components(lambda rows: outputs[rows] == seed, outputs.shape, faces)
    for rows, number in seeds.slabs():
        numbers[rows] = number
    _grow(numbers, outputs, rim)
    free = Components(
        lambda rows: (outputs[rows] == rim) & (numbers[rows] == 0), outputs.shape, faces
    )
    for rows, number in free.slabs():
        numbers[rows][number > 0] = number[number > 0] + seeds.count
    return _numbered(numbers, seeds.count + free.count, min_voxels, scratch)


def _grow(numbers: NDArray[np.int32], outputs: NDArray[Any], rim: int) -> None:
    """Grows all numbers into the rim, in place, one step at a time.

    A slab is read with `reach` more rows on each side, so that it can grow by `reach` steps before
    it needs its neighbours' result. Rounds repeat until no slab changes.
    """
    ranges = list(slabs(numbers.shape))
    height = max((rows.stop - rows.start for rows in ranges), default=0)
    reach = max(1, height // 4) if len(ranges) > 1 else 0
    todo = set(range(len(ranges)))
    while todo:
        changed = set()
        for n, (rows, around, block) in enumerate(_with_context(numbers, ranges, reach)):
            if n in todo:
                inner = slice(rows.start - around.start, rows.stop - around.start)
                grown = _grown(block, outputs[around] == rim, reach)[inner]
                if not np.array_equal(grown, numbers[rows]):
                    numbers[rows] = grown
                    changed.add(n)
        near = {m for n in changed for m in (n - 1, n, n + 1)} if reach else set()
        todo = near & set(range(len(ranges)))


def _with_context(
    numbers: NDArray[np.int32], ranges: list[slice], reach: int
) -> Iterator[tuple[slice, slice, NDArray[np.int32]]]:
    """Each range, the range with `reach` more rows, and those rows' values before this round."""
    above = numbers[:0]
    for rows in ranges:
        around = slice(rows.start - len(above), min(rows.stop + reach, len(numbers)))
        block = np.concatenate([above, numbers[rows.start : around.stop]])
        if reach:
            above = block[: len(above) + rows.stop - rows.start][-reach:].copy()
        yield rows, around, block


def _grown(
    numbers: NDArray[np.int32], free: NDArray[np.bool_], most_steps: int
) -> NDArray[np.int32]:
    """The numbers after at most `most_steps` steps into free voxels; 0: until nothing is free."""
    bordered = np.pad(numbers, 1)  # a step beyond an edge meets 0, not the opposite edge
    flat, open_ = bordered.reshape(-1), np.pad(free & (numbers == 0), 1).reshape(-1)
    strides = np.cumprod((1, *bordered.shape[:0:-1]))
    steps = [int(sign * stride) for stride in strides for sign in (1, -1)]
    order = np.empty(flat.size, np.int32)
    front, taken = np.flatnonzero(_beside(bordered).reshape(-1) & open_), 0
    while front.size and not (most_steps and taken == most_steps):
        owner = np.full(front.size, _UNOWNED, np.int32)
        for step in steps:
            near = flat[front + step]
            np.minimum(owner, near, out=owner, where=near > 0)
        flat[front] = owner
        open_[front] = False
        near = np.concatenate([front + step for step in steps])
        near = near[open_[near]]
        count = np.arange(near.size, dtype=np.int32)
        order[near] = count  # a voxel that is reached twice keeps the last count
        front = near[order[near] == count]
        taken += 1
    return bordered[(slice(1, -1),) * numbers.ndim]


def _beside(numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Voxels that share a face with a numbered voxel."""
    inside, beside = numbers > 0, np.zeros(numbers.shape, bool)
    for axis in range(numbers.ndim):
        ahead = (slice(None),) * axis
        beside[(*ahead, slice(1, None))] |= inside[(*ahead, slice(None, -1))]
        beside[(*ahead, slice(None, -1))] |= inside[(*ahead, slice(1, None))]
    return beside


def _numbered(
    numbers: NDArray[np.int32], top: int, min_voxels: int, scratch: Path | None
) -> NDArray[Any]:
    sizes, first = np.zeros(top + 1, np.int64), np.zeros(top + 1, np.int64)
    row_voxels = numbers[:1].size
    for rows in slabs(numbers.shape):
        flat = numbers[rows].ravel()
        where = np.flatnonzero(flat)
        present = flat[where]
        new = np.flatnonzero(sizes == 0)
        here = np.zeros(top + 1, np.int64)
        here[present[::-1]] = where[::-1]  # the last write wins: the first voxel in raster order
        first[new] = here[new] + rows.start * row_voxels
        sizes += np.bincount(present, minlength=top + 1)
    kept = np.flatnonzero((sizes >= min_voxels) & (sizes > 0))
    kept = kept[np.argsort(first[kept])]
    dtype = np.uint16 if kept.size <= 65535 else np.uint32
    number = np.zeros(top + 1, dtype)
    number[kept] = np.arange(1, kept.size + 1)
    out = large_zeros(numbers.shape, dtype, scratch)
    for rows in slabs(numbers.shape):
        out[rows] = number[numbers[rows]]
    return out
