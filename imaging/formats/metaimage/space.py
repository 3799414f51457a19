"""Where the voxels of a MetaImage lie, as its header states it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class MetaSpace:
    """The position of the voxels, and which fields of it a header has."""

    own: NDArray[np.float64]
    """(4, 4): voxel index -> the file's space, LPS, in the file's unit."""
    unit: str = ""
    """`um`, `mm` or `cm`; `?` for any other text, and empty without one: read as mm."""
    oriented: bool = True
    """Whether the header states the directions of the axes."""
    sized: bool = True
    """Whether the header states voxel sizes."""
