"""BMP as a scan format: images of 1 to 32 bits per pixel, also run-length encoded."""

from pathlib import Path
from struct import unpack
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats.file_start import FileStart
from imaging.formats.format import ScanFormat, only_part
from imaging.formats.limits import UNLIMITED, Limits
from imaging.formats.png.clean_copy import write_clean_png
from imaging.formats.raster import (
    ALPHA_IGNORED,
    Layout,
    damaged,
    decoded_as_a_whole,
    decoder_errors,
    unsupported,
)
from imaging.scan import Scan

_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Sizes of the second header, which tell its version."""
_SIZE_BEGIN, _SIZE_END = 18, 26
"""Where a BITMAPINFOHEADER states columns and rows."""
_MOST_COLOURS = 256
"""Of a palette that the pixels, of at most 8 bits, can refer to."""
_UNREAD = {
    "Unsupported BMP header type": "The version of the BMP's header is not supported.",
    "Unsupported BMP pixel depth (0)": "The BMP contains a JPEG or PNG image.",
    "Unsupported BMP pixel depth": "The number of bits per pixel of the BMP is not supported.",
    "Unsupported BMP compression": "The compression of the BMP is not supported.",
}
"""Beginnings of Pillow's reasons -> what is not supported; the first that matches."""
_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGB"}
"""Pillow's mode of the file -> the mode that it is converted to. A palette of greys is `L`."""


def _recognises(start: FileStart) -> bool:
    """The signature is only two letters, so the size of the second header is checked, too; of an
    unknown version, the reserved numbers and the number of colour planes."""
    head = start.head
    known = int.from_bytes(head[14:18], "little") in _HEADERS
    return start.starts_with(b"BM") and (
        known or (head[6:10] == bytes(4) and head[26:28] == b"\1\0")
    )


def _open(path: Path, limits: Limits, _scratch: Path | None = None) -> Scan:
    try:
        with decoder_errors(), Image.open(path, formats=["BMP"]) as image:
            columns, rows = image.size
            mode = image.mode
    except UnreadableScan as error:
        return _not_by_pillow(path, limits, str(error.__cause__))
    _check_width(columns)
    if mode not in _MODES:
        raise unsupported("The pixels of the BMP are neither grey nor RGB.")
    layout = Layout(
        format="bmp",
        rows=rows,
        columns=columns,
        components=1 if _MODES[mode] == "L" else 3,
        dtype=np.dtype(np.uint8),
        warnings=(ALPHA_IGNORED,) if mode == "RGBA" else (),
    )
    return decoded_as_a_whole(layout, lambda: _decode(path, _MODES[mode]), limits)


def _check_width(columns: int) -> None:
    """Raises UnreadableScan for a negative width; Pillow reads it as unsigned."""
    if not 0 <= columns < 1 << 31:
        raise damaged("The BMP states a negative width.")


def _not_by_pillow(path: Path, limits: Limits, reason: str) -> Scan:
    """An image that Pillow refuses: of unusual bit fields, or not supported; raises."""
    for start, detail in _UNREAD.items():
        if reason.startswith(start):
            raise unsupported(detail)
    if reason.startswith("Unsupported BMP Palette size"):
        raise damaged("The BMP states an impossible size of its palette.")
    if not reason.startswith("Unsupported BMP bitfields"):
        raise damaged("The image is cut off or damaged.")
    with path.open("rb") as file:
        columns, rows = unpack("<2i", file.read(_SIZE_END)[_SIZE_BEGIN:])
    _check_width(columns)
    layout = Layout("bmp", abs(rows), columns, 3, np.dtype(np.uint8))  # from the top if below 0
    return decoded_as_a_whole(layout, lambda: _decode_bit_fields(path), limits)


def _decode_bit_fields(path: Path) -> NDArray[Any]:
    return np.asarray(imagecodecs.bmp_decode(path.read_bytes(), asrgb=True))[..., :3]


def _decode(path: Path, mode: str) -> NDArray[Any]:
    with Image.open(path, formats=["BMP"]) as image:
        if image.palette is not None and image.palette.rawmode:
            colour_bytes = len(image.palette.rawmode)  # BGR, or BGRX
            image.palette.palette = image.palette.palette[: _MOST_COLOURS * colour_bytes]
        return np.asarray(image.convert(mode))


def _verify(path: Path, limits: Limits) -> Scan:
    """As `_open`, and decodes the image once."""
    scan = _open(path, limits)
    scan.read(Box((0, 0), (1, 1)))
    return _open(path, limits)


SCAN = ScanFormat(
    name="bmp",
    title="BMP",
    endings=(".bmp",),
    media_type="image/bmp",
    dimensions=(2,),
    recognises=_recognises,
    open=_open,
    verify=_verify,
    deidentify=only_part(lambda path, target: write_clean_png(_open(path, UNLIMITED), target)),
)
