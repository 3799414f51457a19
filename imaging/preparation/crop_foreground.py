"""The step `crop_foreground`."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imaging.box import Box
from imaging.preparation.occupied_box import occupied_box
from imaging.preparation.prepared import Prepared
from imaging.preparation.step import PreparationStep


class CropForeground(PreparationStep):
    """Crops to the smallest box that contains all voxels above 0 of every scan.

    This is MONAI's CropForeground with `allow_smaller`. Where no voxel is above 0, nothing is
    cropped. The mask is background outside the box.
    """

    step: Literal["crop_foreground"]
    """Always `crop_foreground`."""
    margin: tuple[Annotated[int, Field(ge=0, le=2048)], ...] = ()
    """Voxels by which the box is larger on both sides, along each axis, as far as the scan goes.
    Empty: none."""

    def check(self, _scans: int, axes: int, _earlier: tuple[PreparationStep, ...]) -> None:
        """Raises ValueError unless the margin has a number for each axis."""
        if self.margin and len(self.margin) != axes:
            raise ValueError(f"crop_foreground needs a margin of {axes} numbers, or none")

    def apply(self, prepared: Prepared, _scratch: Path | None = None) -> Prepared:
        """A view of the voxels in the box."""
        box = occupied_box(prepared.grid, lambda rows: _positive(prepared, rows))
        return prepared.cropped(self._larger(box, prepared.grid))

    def _larger(self, box: Box, grid: tuple[int, ...]) -> Box:
        margin = self.margin or (0,) * len(grid)
        starts = zip(box.start, margin, strict=True)
        stops = zip(box.stop, margin, grid, strict=True)
        return Box(
            tuple(max(0, first - more) for first, more in starts),
            tuple(min(n, last + more) for last, more, n in stops),
        )


def _positive(prepared: Prepared, rows: slice) -> NDArray[np.bool_]:
    """Which voxels in a range of the first axis are above 0 in a scan."""
    positive = np.zeros((rows.stop - rows.start, *prepared.grid[1:]), bool)
    for _, components in prepared.scans():
        for n in components:
            positive |= prepared.values[n][rows] > 0
    return positive
