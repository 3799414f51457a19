"""Connected components of an array that may be larger than memory.

Each slab is labelled separately; a table joins components that touch across slabs. Labels are
computed twice, once to build the table and once to return them, so that they are never all in
memory.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.large_arrays import slabs

_HALF = 32
"""Bits for each number of a pair; numbers are below 2**31."""
Inside = Callable[[slice], NDArray[np.bool_]]
"""Range of the first axis -> which of its voxels belong to a component."""


class Components:
    """Components numbered 1, 2, 3, ... in raster order of their first voxel, over all slabs."""

    def __init__(self, inside: Inside, shape: Sequence[int], structure: NDArray[np.bool_]) -> None:
        """`structure`: 3 voxels along each axis; which neighbours are connected (symmetric)."""
        self._inside = inside
        self._structure = structure
        self._slabs = list(slabs(shape))
        self._offsets: list[int] = []
        self._only: NDArray[Any] | None = None
        """The labels, if there is only one slab: they are not computed twice."""
        sizes, pairs = self._learn()
        self._number = _joined(sizes.size, pairs)
        self.count = int(self._number.max(initial=0))
        self.sizes = np.bincount(self._number, sizes, self.count + 1).astype(np.int64)
        """Number of voxels by component number; 0 for number 0."""

    def slabs(self) -> Iterator[tuple[slice, NDArray[np.int32]]]:
        """Each range of the first axis with its component numbers; 0 is outside.

        `inside` is called again for each slab and must return the same values as before.
        """
        for rows, offset in zip(self._slabs, self._offsets, strict=True):
            labels = self._labels(rows)
            number = self._number[offset : offset + int(labels.max(initial=0)) + 1].copy()
            number[:1] = 0
            yield rows, number[labels]

    def _labels(self, rows: slice) -> NDArray[Any]:
        if self._only is not None:
            return self._only
        labels, _ = scipy.ndimage.label(self._inside(rows), self._structure)
        if len(self._slabs) == 1:
            self._only = labels
        return np.asarray(labels)

    def _learn(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Sizes by provisional number (0: outside), and the pairs of numbers that touch."""
        sizes, pairs, count = [np.zeros(1, np.int64)], [np.empty((0, 2), np.int64)], 0
        above: NDArray[Any] | None = None
        for rows in self._slabs:
            labels = self._labels(rows)
            counts = np.bincount(labels.ravel())[1:] if labels.size else np.empty(0, np.int64)
            self._offsets.append(count)
            sizes.append(counts)
            if above is not None:
                pairs.append(_touching(above, _lifted(labels[0], count), self._structure))
            count += counts.size
            above = _lifted(labels[-1], self._offsets[-1])
        return np.concatenate(sizes), np.concatenate(pairs)


def enclosed(background: Inside, shape: Sequence[int]) -> Iterator[tuple[slice, NDArray[np.bool_]]]:
    """Each range of the first axis, and which of its voxels are holes.

    A hole is background, connected by faces, that reaches no side of the array. `background` is
    called again for each slab and must return the same values as before.
    """
    faces = scipy.ndimage.generate_binary_structure(len(shape), 1)
    components = Components(background, shape, faces)
    is_hole = np.ones(components.count + 1, bool)
    for rows, number in components.slabs():
        is_hole[number[_border(rows, shape)]] = False
    is_hole[0] = False
    for rows, number in components.slabs():
        yield rows, is_hole[number]


def _border(rows: slice, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Which voxels of a slab lie on a side of the whole array."""
    border = np.ones((rows.stop - rows.start, *shape[1:]), bool)
    inner = slice(1 if rows.start == 0 else 0, -1 if rows.stop == shape[0] else None)
    border[(inner, *(slice(1, -1),) * (len(shape) - 1))] = False
    return border


def _lifted(labels: NDArray[Any], offset: int) -> NDArray[np.int64]:
    return np.where(labels > 0, labels.astype(np.int64) + offset, 0)


def _touching(
    above: NDArray[np.int64], below: NDArray[np.int64], structure: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Pairs of numbers that touch across the border between two slabs, (n, 2)."""
    bordered = np.pad(below, 1)  # a step beyond an edge meets 0, not the opposite edge
    strides = np.cumprod((1, *bordered.shape[:0:-1]))[::-1]
    where = np.nonzero(above)
    place = np.stack(where, 1) @ strides
    own, flat = above[where], bordered.ravel()
    pairs = []
    for step in product(range(3), repeat=below.ndim):
        if structure[(2, *step)]:
            other = flat[place + int(np.dot(step, strides))]
            pairs.append(np.unique(((own << _HALF) | other)[other > 0]))
    keys = np.unique(np.concatenate(pairs))
    return np.stack([keys >> _HALF, keys & ((1 << _HALF) - 1)], 1)


def _joined(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
    """Provisional number -> component number; `count` includes 0, which stays 0.

    The component with the lowest provisional number comes first in raster order.
    """
    if not len(pairs):
        return np.arange(count, dtype=np.int32)
    ones = np.ones(len(pairs), np.int8)
    graph = scipy.sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), (count, count))
    _, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(first.size, np.int32)
    rank[np.argsort(first)] = np.arange(first.size, dtype=np.int32)
    return rank[member]
