"""Where a scan is empty, as its card says: background, whatever the network would find there."""

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
    """Of the first channel's scan, on the mask's canonical grid."""

    def __init__(self, subject: NetworkInput, card: ModelCard) -> None:
        self._scan: Scan = subject.canonical.scan
        self._range = card.empty

    def spares(self, tile: Tile) -> bool:
        """Whether a tile would write nothing but background."""
        if self._range is None:
            return False
        parts = blocks(tile.write.shape, _BLOCK_VOXELS)
        return all(self._in(tile.write.part(part)).all() for part in parts)

    def clear(self, painted: NDArray[Any], box: Box) -> None:
        """Sets what is empty to background, in place."""
        if self._range is not None:
            painted[box.slices][self._in(box)] = 0

    def _in(self, box: Box) -> NDArray[np.bool_]:
        low, high = self._range or (np.inf, -np.inf)
        values = self._scan.read(box)
        return np.asarray(((values >= low) & (values <= high)).all(axis=0))
