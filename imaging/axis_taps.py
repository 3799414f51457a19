"""One axis of results on the way back to the scan: which voxels each result is made of.

network's grid   | 0 | 1 | 2 | 3 |
scan's grid      . . | 0 | 1 | 2 | 3 | 4 | 5 | . .      dots: outside, no results
taps of result 1         0, 1 (weights 0.8, 0.2)
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-5
"""Sums of float32 weights that differ from 1 by less are 1."""


@dataclass(frozen=True, eq=False)
class AxisTaps:
    """A linear map along one axis, for the results [start, start + n) of a grid."""

    n_in: int
    """Voxels of the network's grid."""
    length: int
    """Voxels of the grid of results; those without taps are outside."""
    start: int
    """The first result that has taps."""
    index: NDArray[np.intp]
    """(taps, n): voxels of the network's grid."""
    weights: NDArray[np.float32]
    """(taps, n)"""

    @classmethod
    def identity(cls, n: int) -> Self:
        """The network's own grid."""
        return cls.nearest(n, np.arange(n))

    @classmethod
    def nearest(cls, n_in: int, index: NDArray[np.intp]) -> Self:
        """One voxel for each result; beyond the ends, the end voxels repeat."""
        index = np.clip(index, 0, n_in - 1)[np.newaxis]
        return cls(n_in, index.size, 0, index, np.ones(index.shape, np.float32))

    @classmethod
    def linear(cls, n_in: int, places: NDArray[np.float64]) -> Self:
        """Linear interpolation at `places`, in voxels; beyond the ends, the end voxels repeat."""
        below = np.floor(places)
        above = places - below
        index = np.clip(np.stack([below, below + 1]).astype(np.intp), 0, n_in - 1)
        weights = np.stack([1 - above, above]).astype(np.float32)
        return cls(n_in, len(places), 0, index, weights)

    @property
    def stop(self) -> int:
        """The end of the results that have taps."""
        return self.start + int(self.index.shape[1])

    @cached_property
    def moves_only(self) -> bool:
        """Whether each result is one voxel, and neighbours stay neighbours."""
        steps = np.diff(self.index[0])
        return len(self.index) == 1 and bool((steps == 1).all() and (self.weights == 1).all())

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """(n): the lowest voxel of each result."""
        return np.asarray(self.index.min(axis=0))

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """(n): the highest voxel of each result."""
        return np.asarray(self.index.max(axis=0))

    @property
    def reach(self) -> int:
        """Most voxels beyond the lowest that a result needs."""
        return int((self.last - self.first).max(initial=0))

    def needed(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open range of voxels that the results [start, stop) are made of."""
        rows = slice(start - self.start, stop - self.start)
        return int(self.first[rows].min()), int(self.last[rows].max()) + 1

    def pasted(self, start: int, length: int) -> Self:
        """These results in a larger grid, from `start` on."""
        return type(self)(self.n_in, length, start + self.start, self.index, self.weights)

    def then(self, following: Self) -> Self:
        """These results, mapped further; what is outside counts as 0."""
        whole = self._whole()
        taps = following.index.shape[1]
        index = whole.index[:, following.index].reshape(-1, taps)
        weights = (whole.weights[:, following.index] * following.weights).reshape(-1, taps)
        return type(self)(self.n_in, following.length, following.start, index, weights)

    def _whole(self) -> Self:
        """The same with results of weight 0 instead of none."""
        around = ((0, 0), (self.start, self.length - self.stop))
        index, weights = np.pad(self.index, around, mode="edge"), np.pad(self.weights, around)
        return type(self)(self.n_in, self.length, 0, index, weights)

    def apply(
        self, values: NDArray[Any], axis: int, results: tuple[int, int], offset: int
    ) -> NDArray[Any]:
        """The results [start, stop) along `axis`; `values` begin with the voxel `offset`.

        Taps are added one after the other, element by element, so that a result does not depend on
        the range; a constant is kept exactly.
        """
        rows = slice(results[0] - self.start, results[1] - self.start)
        index = self.index[:, rows] - offset
        if self.moves_only:
            kept = (slice(None),) * axis + (slice(index[0, 0], index[0, -1] + 1),)
            return np.asarray(values[kept])
        base: NDArray[Any] = values.take(index[0], axis)
        if len(index) == 1 and (self.weights == 1).all():
            return base
        across = (-1,) + (1,) * (values.ndim - axis - 1)
        sums = self.weights[:, rows].sum(axis=0)
        rounded = np.where(np.abs(sums - 1) < _ROUNDING, np.float32(1), sums)
        total: NDArray[Any] = base * rounded.reshape(across)
        for tap, weight in zip(index[1:], self.weights[1:, rows], strict=True):
            part = values.take(tap, axis)
            part -= base
            part *= weight.reshape(across)
            total += part
        return total
