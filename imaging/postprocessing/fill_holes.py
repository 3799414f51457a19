"""The step `fill_holes`."""

from typing import Any, Literal

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.components import Components
from imaging.postprocessing.extent import label_extent
from imaging.postprocessing.mask_context import MaskContext
from imaging.postprocessing.step import LabelStep


class FillHoles(LabelStep):
    """Fills background that a label encloses with that label.

    Background is connected by faces only, so that a hole ends where the label touches itself by an
    edge or a corner. Another label inside a hole stays. In a volume a hole must be closed in all
    three dimensions.
    """

    step: Literal["fill_holes"]
    """Always `fill_holes`."""

    def apply_to(self, mask: NDArray[Any], value: int, _context: MaskContext) -> None:
        """Sets background that label `value` encloses to `value`, in place."""
        extent = label_extent(mask, value)
        if extent is None:
            return
        part = mask[extent]
        faces = scipy.ndimage.generate_binary_structure(part.ndim, 1)
        outside = Components(lambda rows: part[rows] != value, part.shape, faces)
        is_hole = np.ones(outside.count + 1, bool)
        for rows, number in outside.slabs():
            is_hole[number[_border(rows, part.shape)]] = False
        is_hole[0] = False
        for rows, number in outside.slabs():
            slab = part[rows]
            slab[is_hole[number] & (slab == 0)] = value


def _border(rows: slice, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which voxels of a slab lie on a side of the whole array."""
    border = np.ones((rows.stop - rows.start, *shape[1:]), bool)
    inner = slice(1 if rows.start == 0 else 0, -1 if rows.stop == shape[0] else None)
    border[(inner, *(slice(1, -1),) * (len(shape) - 1))] = False
    return border
