"""The step `crop_foreground`."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaging.preparation.occupied_box import occupied_box
from imaging.preparation.prepared import Prepared
from imaging.preparation.step import PreparationStep


class CropForeground(PreparationStep):
    """Crops to the smallest box that contains all voxels above 0 of every scan.

    This is MONAI's CropForeground without a margin. Where no voxel is above 0, nothing is cropped.
    The mask is background outside the box.
    """

    step: Literal["crop_foreground"]
    """Always `crop_foreground`."""

    def apply(self, prepared: Prepared, _scratch: Path | None = None) -> Prepared:
        """A view of the voxels in the box."""
        return prepared.cropped(occupied_box(prepared.grid, lambda rows: _positive(prepared, rows)))


def _positive(prepared: Prepared, rows: slice) -> NDArray[np.bool_]:
    """Which voxels in a range of the first axis are above 0 in a scan."""
    positive = np.zeros((rows.stop - rows.start, *prepared.grid[1:]), bool)
    for _, components in prepared.scans():
        for n in components:
            positive |= prepared.values[n][rows] > 0
    return positive
