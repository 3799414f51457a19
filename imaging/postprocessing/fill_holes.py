"""The step `fill_holes`."""

from typing import Any, Literal

from numpy.typing import NDArray

from imaging.components import enclosed
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
        for rows, holes in enclosed(lambda rows: part[rows] != value, part.shape):
            slab = part[rows]
            slab[holes & (slab == 0)] = value
