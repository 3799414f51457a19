"""The bits of a pixel cell that hold its value (PS3.5, 8.1.1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset


def bit_shift(header: Dataset) -> int:
    """Number of unused bits below the value: 4 where HighBit is 15 and BitsStored is 12."""
    stored = int(header.BitsStored)
    return int(header.get("HighBit", stored - 1)) + 1 - stored


def values_in(cells: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """The values in pixel cells, of the same type: unused bits removed, the sign extended.

    Nothing is known of unused bits; old files store overlays in them.
    """
    width, stored, shift = cells.dtype.itemsize * 8, int(header.BitsStored), bit_shift(header)
    above = width - stored - shift
    if int(header.BitsAllocated) == 1 or above + shift <= 0:
        return cells
    return np.asarray((cells << above) >> (above + shift)).astype(cells.dtype, copy=False)
