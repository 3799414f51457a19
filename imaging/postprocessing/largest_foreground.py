"""The step `largest_foreground`."""

from typing import Any, Literal

from numpy.typing import NDArray

from imaging.postprocessing.largest_component import keep_largest
from imaging.postprocessing.mask_context import MaskContext
from imaging.postprocessing.step import Step


class LargestForeground(Step):
    """Keeps only the largest connected component of all labels taken together.

    Labels that touch count as one object, which keeps all of its labels; the rest becomes
    background. Connectivity and ties are those of `largest_component`.
    """

    step: Literal["largest_foreground"]
    """Always `largest_foreground`."""

    def apply(self, mask: NDArray[Any], _context: MaskContext) -> None:
        """Sets all voxels outside the largest component of the foreground to 0, in place."""
        keep_largest(mask, lambda rows: mask[rows] > 0)
