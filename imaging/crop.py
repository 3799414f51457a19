"""A part of a scan as a scan."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.scan import Scan


def cropped(scan: Scan, box: Box) -> Scan:
    """A view of the voxels in `box`, at the same place in space."""
    affine = scan.affine.copy()
    at = (*box.start, *(0,) * (3 - scan.dimension), 1)
    affine[: scan.dimension, 3] = (scan.affine @ at)[: scan.dimension]

    def read(inner: Box) -> NDArray[Any]:
        return scan.read(box.part(inner))

    def padding(inner: Box) -> NDArray[np.bool_] | None:
        return scan.padding_in(box.part(inner))

    return replace(
        scan,
        shape=(scan.shape[0], *box.shape),
        affine=affine,
        reader=read,
        stored_shape=box.shape,
        padding=None if scan.padding is None else padding,
    )
