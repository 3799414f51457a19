"""The step `largest_component`."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.components import Components, Inside
from imaging.postprocessing.extent import label_extent
from imaging.postprocessing.mask_context import MaskContext
from imaging.postprocessing.step import LabelStep


class LargestComponent(LabelStep):
    """Keeps only the largest connected component of each label; the rest becomes background.

    Voxels are connected by faces, edges and corners. Of components of the same size, the one whose
    first voxel comes first in raster order is kept.
    """

    step: Literal["largest_component"]
    """Always `largest_component`."""

    def apply_to(self, mask: NDArray[Any], value: int, _context: MaskContext) -> None:
        """Sets all voxels of label `value` outside its largest component to 0, in place."""
        extent = label_extent(mask, value)
        if extent is not None:
            part = mask[extent]
            keep_largest(part, lambda rows: part[rows] == value)


def keep_largest(mask: NDArray[Any], inside: Inside) -> None:
    """Sets all voxels that are `inside`, but not in their largest component, to 0, in place."""
    components = Components(inside, mask.shape, np.ones((3,) * mask.ndim, bool))
    if components.count < 2:
        return
    largest = int(components.sizes.argmax())
    for rows, number in components.slabs():
        mask[rows][(number > 0) & (number != largest)] = 0
