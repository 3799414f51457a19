"""A mask that is written block by block, with the numbers of voxels that follow from its labels."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from imaging.box import Box
from inference.empty_regions import EmptyRegions
from inference.labels import Decision
from inference.unsure_voxels import UnsureVoxels
from models.card import ModelCard


class MaskBlocks:
    """The labels of a scan, before post-processing."""

    def __init__(self, labels: NDArray[Any], empty: EmptyRegions, card: ModelCard) -> None:
        """`labels`: on the oriented grid; filled here."""
        self._labels, self.empty = labels, empty
        self._unsure = UnsureVoxels(max(*card.outputs, 0))
        self._known = card.instances is None

    def put(self, box: Box, decision: Decision) -> None:
        """Writes the labels of a box, of which each voxel is written once."""
        self._labels[box.slices] = decision.labels
        self.empty.clear(self._labels, box)
        if decision.unsure is None:
            self._known = False
        else:
            self._unsure.add(self._labels[box.slices], decision.unsure)

    @property
    def shares(self) -> Mapping[int, float] | None:
        """As `UnsureVoxels.shares`; None where the card or its results do not tell."""
        return self._unsure.shares() if self._known else None
