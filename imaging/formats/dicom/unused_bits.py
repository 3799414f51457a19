"""The bits of a stored value that belong to no pixel (PS3.5, 8.1.1).

A 16-bit cell with 12 bits stored has four further bits. Old scanners drew overlays into them, with
text in the patient's name:

    bit   15 14 13 12  11 10 9 8 7 6 5 4 3 2 1 0
          unused       HighBit               BitsStored bits
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset


@dataclass(frozen=True, slots=True)
class StoredBits:
    """Which bits of a cell hold the value."""

    allocated: int
    stored: int
    high: int
    """Position of the most significant bit."""
    signed: bool

    @classmethod
    def of(cls, header: Dataset) -> "StoredBits":
        """As a header states them; raises for a header without them, ValueError if impossible."""
        stored = int(header.BitsStored)
        bits = cls(
            int(header.BitsAllocated),
            stored,
            int(header.get("HighBit", stored - 1)),
            bool(int(header.get("PixelRepresentation") or 0)),
        )
        if not 1 <= stored <= bits.high + 1 <= bits.allocated:
            raise ValueError("BitsStored or HighBit is impossible.")
        return bits

    @property
    def low(self) -> int:
        """Position of the least significant bit."""
        return self.high - self.stored + 1

    @property
    def some_unused(self) -> bool:
        """Whether there are unused bits."""
        return self.stored < self.allocated

    def cleared(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Cells, in an unsigned type of `allocated` bits, without what their unused bits hold.

        Bits above a signed value repeat its sign, as most readers expect; all others become 0.
        """
        kind = cells.dtype.type
        used = kind(((1 << self.stored) - 1) << self.low)
        values = cells & used
        if self.signed and self.high + 1 < self.allocated:
            above = kind((1 << self.allocated) - (1 << self.high + 1))
            values |= np.where(values & kind(1 << self.high), above, kind(0))
        return np.asarray(values)
