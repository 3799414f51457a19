"""What an assistant is asked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A label of the mask in a box of the scan, and the strokes of a reader on it.

    All arrays have the shape of the box, with two or three axes.
    """

    values: NDArray[np.float32]
    """(c, *box): the scan, after the file's scale and offset; all finite."""
    spacing: tuple[float, ...]
    """Voxel size along each axis of the box, in mm, or in pixels where it is unknown."""
    mask: Mask
    """The voxels of the label now."""
    foreground: Mask
    """Voxels that the reader says belong to the label."""
    background: Mask
    """Voxels that the reader says do not. No voxel is in both."""

    def part(self, place: tuple[slice, ...]) -> "Question":
        """The same about a part of the box."""
        return Question(
            self.values[(slice(None), *place)],
            self.spacing,
            self.mask[place],
            self.foreground[place],
            self.background[place],
        )
