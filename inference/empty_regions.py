"""Regions that a card declares empty: background, whatever the network would predict there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.scan import Scan
from imaging.tiling import Tile
from inference.network_input import NetworkInput
from models.card import ModelCard

_BLOCK_VOXELS = 1 << 22


class EmptyRegions:
    """Voxels of the first channel's scan, on the mask's oriented grid, in the card's range."""

    def __init__(self, subject: NetworkInput, card: ModelCard) -> None:
        self._scan: Scan = subject.oriented.scan
        self._range = card.empty

    def cover(self, tile: Tile) -> bool:
        """Whether all that a tile writes is empty, so that it need not be run."""
        if self._range is None:
            return False
        parts = blocks(tile.write.shape, _BLOCK_VOXELS)
        return all(self._empty(tile.write.part(part)).all() for part in parts)

    def clear(self, labels: NDArray[Any], box: Box) -> None:
        """Sets the empty voxels of a box to background, in place."""
        if self._range is not None:
            labels[box.slices][self._empty(box)] = 0

    def _empty(self, box: Box) -> NDArray[np.bool_]:
        low, high = self._range or (np.inf, -np.inf)
        values = self._scan.read(box)
        return np.asarray(((values >= low) & (values <= high)).all(axis=0))
