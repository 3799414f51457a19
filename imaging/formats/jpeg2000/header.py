"""What a JPEG 2000 file states before its pixels: boxes (ITU-T T.800, annex I) and SIZ (A.5.1)."""

from dataclasses import dataclass
from pathlib import Path
from struct import error, unpack, unpack_from
from typing import IO

import numpy as np

from imaging.formats.jpeg2000.colour import COLOUR_BYTES, check_colour
from imaging.formats.raster import damaged, unsupported

JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
_SIZ_BYTES = 42
_MOST_BOXES = 1000
_MOST_BITS = 16
_MOST_COMPONENTS = 4


@dataclass(frozen=True, slots=True)
class Header:
    """The size and the samples of an image."""

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of the decoded samples."""
        return np.dtype(f"{'i' if self.signed else 'u'}{1 if self.bits <= 8 else 2}")


def read_header(path: Path) -> Header:
    """The header of the file at `path`. Raises UnreadableScan, and UnsupportedScan for a palette,
    colours that are not grey or RGB, samples of more than 16 bits, and components that differ in
    size or depth."""
    try:
        with path.open("rb") as file:
            _find_codestream(file, path.stat().st_size)
            siz = file.read(_SIZ_BYTES)
            if siz[:4] != CODESTREAM:
                raise damaged("The file has no JPEG 2000 codestream.")
            width, height, left, top = unpack_from(">4I", siz, 8)
            count = unpack_from(">H", siz, 40)[0]
            kinds = {unpack(">3B", file.read(3)) for _ in range(min(count, _MOST_COMPONENTS))}
    except error as cause:
        raise damaged("The image ends inside its header.") from cause
    if not 1 <= count <= _MOST_COMPONENTS:
        raise unsupported(f"The image has {count} components.")
    if len(kinds) != 1:
        raise unsupported("The components of the image differ in size or in their bits.")
    if min(kinds)[1:] != (1, 1):
        raise unsupported("The components of the image are subsampled.")
    if height <= top or width <= left:
        raise damaged("The image has no pixels.")
    depth = min(kinds)[0]
    bits = (depth & 0x7F) + 1
    if bits > _MOST_BITS:
        raise unsupported(f"The samples of the image have {bits} bits.")
    return Header(height - top, width - left, count, bits, bool(depth & 0x80))


def _find_codestream(file: IO[bytes], size: int) -> None:
    """Moves to the codestream; checks the colours that the boxes before it state."""
    if file.read(4) != JP2[:4]:
        file.seek(0)
        return
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        length, kind = unpack(">I4s", file.read(8))
        begin = at + 8
        if length == 1:
            length, begin = unpack(">Q", file.read(8))[0], at + 16
        if kind == b"jp2c":
            return
        if kind == b"jp2h":  # a box of boxes
            at = begin
            continue
        if kind == b"pclr":
            raise unsupported("The image has a palette.")
        if kind == b"colr":
            check_colour(file.read(COLOUR_BYTES))
        if length < begin - at or at + length > size:
            break
        at += length
    raise damaged("The boxes of the JPEG 2000 file are damaged.")
