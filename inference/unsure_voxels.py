"""How many voxels of each label a network is not sure of.

A network is not sure of a voxel's label if another output is nearly as likely: more than a quarter
as likely as the label that won (softmax), or if the label itself is less than four times as likely
as not (sigmoid). Logits of such outputs are less than ln 4 apart, so nothing is normalised for it.

The numbers are sums over voxels of the scan's grid, of which each is decided once: they do not
depend on how the scan was tiled, but for voxels whose logits lie at the limit itself.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ODDS = 4.0
"""Of a label against the next best one, below which the network is not sure of it."""
_MOST_COMPARED = 24
"""Labels up to which comparing with each one is faster than a histogram."""


class UnsureVoxels:
    """Sums over the blocks of a mask."""

    def __init__(self, largest: int) -> None:
        """`largest`: the largest value of a label."""
        self.unsure = np.zeros(largest + 1, np.int64)
        """Voxels that the network is not sure of, indexed by label value."""
        self.labelled = np.zeros(largest + 1, np.int64)
        """Voxels with the label."""

    def add(self, labels: NDArray[Any], unsure: NDArray[np.bool_]) -> None:
        """Adds a block: its label values, and where the network is not sure of them."""
        if len(self.labelled) > _MOST_COMPARED:
            for total, counted in ((self.labelled, labels.ravel()), (self.unsure, labels[unsure])):
                total += np.bincount(counted, minlength=len(total))
            return
        for value in range(1, len(self.labelled)):
            mine = labels == value
            if number := np.count_nonzero(mine):
                self.labelled[value] += number
                self.unsure[value] += np.count_nonzero(np.logical_and(mine, unsure, out=mine))

    def shares(self) -> dict[int, float]:
        """Label value -> share of its voxels that the network is not sure of, 0 to 1, of labels
        that occur."""
        return {
            value: float(self.unsure[value] / self.labelled[value])
            for value in range(1, len(self.labelled))
            if self.labelled[value]
        }
