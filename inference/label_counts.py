"""Counts the voxels of two label maps by label, block by block."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.scan import Scan

_BLOCK_VOXELS = 1 << 22

Values = Callable[[NDArray[Any]], NDArray[Any]]
"""Label values of a block -> the values that are counted."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """Voxels of two label maps. The arrays are indexed by label value."""

    given: NDArray[np.int64]
    computed: NDArray[np.int64]
    both: NDArray[np.int64]
    """Where both have the value."""

    @classmethod
    def of(cls, given: Scan, computed: NDArray[Any], largest: int, values: Values) -> "LabelCounts":
        """`computed` has the grid of `given`; no value is above `largest`."""
        counts = np.zeros((3, largest + 1), np.int64)
        for box in blocks(given.grid, _BLOCK_VOXELS):
            one, other = values(given.read(box)[0].ravel()), values(computed[box.slices].ravel())
            for row, part in zip(counts, (one, other, one[one == other]), strict=True):
                row += np.bincount(part, minlength=largest + 1)
        return cls(*counts)

    @property
    def voxels(self) -> int:
        """Voxels of the grid."""
        return int(self.given.sum())

    @property
    def differing(self) -> int:
        """Voxels in which the two differ."""
        return int(self.given.sum() - self.both.sum())

    @property
    def labels(self) -> list[int]:
        """Values that occur in one of the two, without 0."""
        return [int(value) for value in np.flatnonzero(self.given + self.computed) if value]

    def differing_of(self, label: int) -> int:
        """Voxels that have the label in one of the two only."""
        return int(self.given[label] + self.computed[label] - 2 * self.both[label])

    def dice(self, label: int) -> float:
        """The Dice of a label that occurs."""
        return float(2 * self.both[label] / (self.given[label] + self.computed[label]))
