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


def without_unused_bits(cells: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Pixel cells, signed by Pixel Representation, with nothing in their unused bits.

    Bits above a signed value repeat its sign, as readers expect that take all bits of a cell; all
    other unused bits become 0. The 12 bits of a value, with HighBit 11:

        bit   15 14 13 12   11 10 9 8 7 6 5 4 3 2 1 0
              cleared       value
    """
    return np.asarray(values_in(cells, header) << bit_shift(header)).astype(cells.dtype, copy=False)


def check_bits(header: Dataset) -> None:
    """Raises ValueError unless BitsStored and HighBit fit into BitsAllocated."""
    stored, shift = int(header.BitsStored), bit_shift(header)
    if stored < 1 or shift < 0 or stored + shift > int(header.BitsAllocated):
        raise ValueError("BitsStored or HighBit is impossible.")
