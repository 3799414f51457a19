"""Pixel Padding Value: the stored values of pixels outside the image (PS3.3, C.7.5.1.1.2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

AIR_HU = -1000.0
"""Air in Hounsfield units: what lies outside a CT image."""
LEAST_HU = -1024.0
"""The least value of a 12-bit CT. Lower ones are traces of padding, such as -2000, that a lossy
codec changed; nothing in a body or around it has them."""


@dataclass(frozen=True, slots=True)
class PixelPadding:
    """A range of stored values, both ends included."""

    low: int
    high: int

    @classmethod
    def of(cls, header: Dataset) -> "PixelPadding | None":
        """The padding that a header states, for grey images; None where it states none."""
        value = _number(header, "PixelPaddingValue")
        palette = header.get("PhotometricInterpretation") == "PALETTE COLOR"
        if value is None or palette or int(header.get("SamplesPerPixel") or 1) != 1:
            return None
        limit = _number(header, "PixelPaddingRangeLimit")
        ends = [_stored(n, header) for n in (value, value if limit is None else limit)]
        return cls(min(ends), max(ends))

    def covers(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these stored values are padding."""
        covered: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return covered


def fill_value(least: float, dtype: np.dtype[Any], *, hounsfield: bool) -> float:
    """The value that replaces padding: air where values are Hounsfield units, else the least.

    `least` is the least real value after the rescale, infinite where every pixel is padding.
    """
    value = max(min(least, AIR_HU), LEAST_HU) if hounsfield else least
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        value = value if value >= info.min else least
    return float(value) if np.isfinite(value) else 0.0


def _number(header: Dataset, keyword: str) -> int | None:
    """The value as an integer; None where it is missing or is not one number."""
    value = header.get(keyword)
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little") if len(value) >= 2 else None
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _stored(value: int, header: Dataset) -> int:
    """The value as pixels store it.

    Its VR is US or SS by Pixel Representation, but files with the other one are common: -2000 is
    then written as 63536, and the reverse.
    """
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    if not int(header.get("PixelRepresentation") or 0):
        return value % (1 << allocated)
    value = _signed(value, allocated)
    return value if value < 1 << (stored - 1) else _signed(value, stored)


def _signed(value: int, bits: int) -> int:
    """The two's complement number in the lowest bits of a value."""
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value
