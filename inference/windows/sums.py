"""Weighted sums of overlapping windows, for the rows that windows still reach.

With a patch of 8 rows, after the windows that start at row 4 and before those that start at row 8:

    network's grid   | finished |  4  5  6  7  |  8  9 10 11  |   not reached yet   |
    in memory                     8  9 10 11  4  5  6  7          row r is at r % patch
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.large_arrays import large_zeros
from inference.windows.plan import WindowPlan

Precision = Literal["float32", "float16"]
SLAB_VALUES = 1 << 25
"""Values of a slab, if it has more than one row."""


@dataclass(frozen=True, slots=True)
class Slab:
    """Blended features of some rows."""

    box: Box
    """On the network's grid."""
    features: NDArray[Any]
    """(any, *box.shape), in the precision of the sums"""


def sums_bytes(plan: WindowPlan, channels: int, precision: Precision) -> int:
    """Memory of the sums of features with so many channels, and of the weights."""
    return prod(plan.row_shape) * (channels + 1) * np.dtype(precision).itemsize


class WindowSums:
    """Adds windows, and returns the blended features of rows that no later window reaches."""

    def __init__(
        self,
        plan: WindowPlan,
        weights: NDArray[np.float32],
        channels: int,
        *,
        precision: Precision = "float32",
        scratch: Path | None = None,
        on_scratch: bool = False,
    ) -> None:
        """`weights`: (*patch). `on_scratch`: keeps the sums in a file; may raise StorageFull."""
        self._plan, self._weights = plan, weights
        self._dtype = np.dtype(precision)
        self._shape, self._scratch = (channels, *plan.row_shape), scratch
        self.on_scratch = on_scratch
        """Whether the sums are in a file, if they are large."""
        self._sums = self._zeros()
        self._total = np.zeros(plan.row_shape, self._dtype)
        self._product = np.empty(weights.size, np.float32)
        self._finished = 0

    def move_to_scratch(self) -> None:
        """Keeps the sums in a file from now on; raises StorageFull."""
        self.on_scratch = True
        moved = self._zeros()
        for channel, values in zip(moved, self._sums, strict=True):
            channel[:] = values
        self._sums = moved

    def add(self, window: Box, features: NDArray[np.float32], count: int = 1) -> None:
        """Adds the features (channels, *patch) of a window of the padded grid; `count`: how many
        outputs of the network they are the sum of."""
        along = self._plan.along
        place = [*window.slices]
        # In 16 bits the mean of the outputs is added. The count is a power of two: it is exact.
        share, number = (1 / count, 1) if self._dtype == np.float16 else (1, count)
        for rows, kept in self._pieces(window.start[along], window.stop[along]):
            place[along] = kept
            part = (slice(None),) * along + (rows,)
            weights = self._weights[part]
            shared = weights if share == 1 else weights * np.float32(share)
            product = self._product[: weights.size].reshape(weights.shape)
            for sums, values in zip(self._sums, features, strict=True):
                np.multiply(shared, values[part], out=product)
                sums[tuple(place)] += product
            self._total[tuple(place)] += np.float32(number) * weights

    def finish(self, stop: int) -> Iterator[Slab]:
        """The blended features of the rows before `stop` that are not finished yet."""
        start, self._finished = self._finished, stop
        size = max(1, SLAB_VALUES // (prod(self._shape) // self._plan.patch[self._plan.along]))
        edges = [*range(start, stop, size), stop]
        for first, last in pairwise(edges):
            for rows, kept in self._pieces(first, last):
                yield from self._slab(first + rows.start, first + rows.stop, kept)

    def _slab(self, start: int, stop: int, kept: slice) -> Iterator[Slab]:
        """The part of some rows that is inside the grid, if any; clears the sums."""
        plan, along = self._plan, self._plan.along
        own = (slice(None),) * along + (kept,)
        grid = [slice(b, b + n) for b, n in zip(plan.before, plan.grid, strict=True)]
        first, last = max(start, grid[along].start), min(stop, grid[along].stop)
        if first < last:
            grid[along] = slice(kept.start + first - start, kept.start + last - start)
            ranges = [(0, n) for n in plan.grid]
            ranges[along] = first - plan.before[along], last - plan.before[along]
            mean = self._sums[(slice(None), *grid)] / self._total[tuple(grid)]
            yield Slab(Box(*zip(*ranges, strict=True)), np.asarray(mean))
        self._sums[(slice(None), *own)] = 0
        self._total[own] = 0

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[slice, slice]]:
        """Rows [start, stop), at most a patch, as (rows after `start`, where they are kept)."""
        size = self._plan.patch[self._plan.along]
        at, count = start % size, stop - start
        first = min(count, size - at)
        yield slice(0, first), slice(at, at + first)
        if first < count:
            yield slice(first, count), slice(0, count - first)

    def _zeros(self) -> NDArray[Any]:
        if self.on_scratch:
            return large_zeros(self._shape, self._dtype, self._scratch)
        return np.zeros(self._shape, self._dtype)
