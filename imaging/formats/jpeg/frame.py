"""The frame header of a JPEG file: by which process it was coded (ITU-T T.81, B.2.2)."""

from dataclasses import dataclass
from pathlib import Path
from struct import error, unpack
from typing import IO

FILL = 0xFF
FRAMES = frozenset((0xF7, *range(0xC0, 0xD0))) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length: TEM, RST0 to RST7 and SOI."""
_MOST_SEGMENTS = 10_000
_LOSSLESS = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
_HIERARCHICAL = frozenset((0xC5, 0xC6, 0xCD, 0xCE))
_JPEG_LS = 0xF7
_BITS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """The kind of a frame."""

    marker: int
    bits: int
    """Bits of a sample."""
    rows: int
    """0 where a later marker states them (DNL)."""
    columns: int

    @property
    def unusual(self) -> str | None:
        """What the decoder for images of 8 bits does not support; None where it is as usual."""
        if self.marker == _JPEG_LS:
            return "The file is JPEG-LS."
        if self.marker in _LOSSLESS:
            return "The file is lossless JPEG."
        if self.marker in _HIERARCHICAL:
            return "The file is hierarchical JPEG."
        return None if self.bits == _BITS else f"The JPEG has samples of {self.bits} bits."


def frame_of(path: Path) -> Frame | None:
    """The first frame header of the file at `path`; None where there is none."""
    with path.open("rb") as file:
        return read_frame(file)


def read_frame(file: IO[bytes]) -> Frame | None:
    """The first frame header of a stream; None where there is none."""
    try:
        for _ in range(_MOST_SEGMENTS):
            fill, marker = unpack("2B", file.read(2))
            if fill != FILL:
                return None
            if marker == FILL:
                file.seek(-1, 1)
            elif marker not in ALONE:
                length = unpack(">H", file.read(2))[0]
                if marker in FRAMES:
                    return Frame(marker, *unpack(">BHH", file.read(5)))
                file.seek(length - 2, 1)
    except (error, OSError, ValueError):
        return None
    return None
