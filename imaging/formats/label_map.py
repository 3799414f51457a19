"""What the writers of masks share: the voxel type, the shape, and images as volumes.

An image's mask is written into a volume format as one slice, with its first row at the top of a
viewer whose x axis grows to the right and whose y axis grows upwards:

    image (row, column)          volume (x, y, 0)
    (0, 0) (0, 1)                y = 1:  (0, 0) (0, 1)
    (1, 0) (1, 1)                y = 0:  (1, 0) (1, 1)
                                         x = 0  x = 1
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest
from imaging.scan import Scan


def label_dtype(mask: NDArray[Any]) -> np.dtype[Any]:
    """The smallest of uint8, uint16 and uint32 that holds every label number of `mask`."""
    return np.min_scalar_type(int(mask.max(initial=0)))


def check_shape(mask: NDArray[Any], scan: Scan) -> None:
    """Raises BadRequest unless `mask` has the shape `scan.grid`."""
    if mask.shape != scan.grid:
        raise BadRequest(
            f"The mask has the shape {mask.shape}.",
            expected=f"The shape of the scan, {scan.grid}.",
            hint="Bring the mask back to the stored axes first.",
        )


def upright(mask: NDArray[Any]) -> NDArray[Any]:
    """The mask of an image, (row, column), as a volume of one slice, (column, row, 1); a view."""
    return mask[::-1].T[..., np.newaxis]


def from_upright(volume: NDArray[Any]) -> NDArray[Any]:
    """The inverse of `upright`; a view."""
    return volume[..., 0].T[::-1]


def upright_affine(scan: Scan) -> NDArray[np.float64]:
    """The affine of an image's one slice, in mm, or in pixels where the spacing is unknown."""
    height, width = scan.spacing_mm or (1.0, 1.0)
    return np.diag([width, height, 1.0, 1.0])
