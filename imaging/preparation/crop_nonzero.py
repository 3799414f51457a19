"""The step `crop_nonzero`."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaging.components import enclosed
from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.occupied_box import occupied_box
from imaging.preparation.prepared import Prepared
from imaging.preparation.step import PreparationStep


class CropNonzero(PreparationStep):
    """Crops to the smallest box that contains all voxels that are not 0 in every scan.

    This is nnU-Net's cropping. Where all voxels are 0, nothing is cropped. The mask is background
    outside the box.
    """

    step: Literal["crop_nonzero"]
    """Always `crop_nonzero`."""
    keep_mask: bool = False
    """Keep which voxels are inside, for a later `normalise` whose statistics are `over` them: those
    that are not 0 in a scan and, in a volume, holes that these enclose."""

    def apply(self, prepared: Prepared, scratch: Path | None = None) -> Prepared:
        """A view of the voxels in the box."""
        cropped = prepared.cropped(
            occupied_box(prepared.grid, lambda rows: _nonzero(prepared, rows))
        )
        return replace(cropped, inside=_inside(cropped, scratch) if self.keep_mask else None)


def _nonzero(prepared: Prepared, rows: slice) -> NDArray[np.bool_]:
    """Which voxels in a range of the first axis are not 0 in a scan."""
    nonzero = np.zeros((rows.stop - rows.start, *prepared.grid[1:]), bool)
    for _, components in prepared.scans():
        for n in components:
            nonzero |= prepared.values[n][rows] != 0
    return nonzero


def _inside(prepared: Prepared, scratch: Path | None) -> NDArray[np.bool_]:
    """The voxels that are not 0, and background that they enclose by faces.

    An image has no holes: nnU-Net treats it as a volume of one slice, which encloses nothing.
    """
    inside = large_zeros(prepared.grid, np.bool_, scratch)
    for rows in slabs(prepared.grid):
        inside[rows] = _nonzero(prepared, rows)
    if len(prepared.grid) == 2:
        return inside
    for rows, holes in enclosed(lambda rows: ~inside[rows], prepared.grid):
        inside[rows] |= holes
    return inside
