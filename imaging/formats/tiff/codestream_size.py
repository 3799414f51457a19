"""The size that a compressed strip or tile states itself, which a decoder makes room for.

A WebP tile of 34 bytes can state 16,000 x 16,000 pixels in a TIFF whose tiles are 16 x 16.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from struct import error, unpack_from

import tifffile

from imaging.formats import webp
from imaging.formats.jpeg.frame import read_frame
from imaging.formats.jpeg2000.header import CODESTREAM
from imaging.formats.raster import damaged

_SLACK = 4
"""How many times the pixels of a segment its stream may have; writers pad tiles to blocks."""
_FEW_PIXELS = 1 << 16


def check_codestream(page: tifffile.TiffPage, data: bytes) -> None:
    """Raises UnreadableScan where a strip or tile states far more pixels than the page's tags."""
    read = _READERS.get(int(page.compression))
    if read is None or page.jpegheader:  # the header of an NDPI's intervals is tifffile's own
        return
    try:
        rows, columns = read(data)
    except error as cause:
        raise damaged("A strip or tile of the image is cut off.") from cause
    tiled = page.is_tiled
    expected = page.tilelength * page.tilewidth if tiled else page.rowsperstrip * page.imagewidth
    if rows * columns > max(_FEW_PIXELS, _SLACK * expected):
        raise damaged("A strip or tile of the image is larger than its tags state.")


def _jpeg(data: bytes) -> tuple[int, int]:
    frame = read_frame(BytesIO(data))
    return (0, 0) if frame is None else (frame.rows, frame.columns)


def _jpeg_2000(data: bytes) -> tuple[int, int]:
    at = data.find(CODESTREAM)
    if at < 0:
        return 0, 0
    width, height, left, top = unpack_from(">4I", data, at + 8)
    return height - top, width - left


def _png(data: bytes) -> tuple[int, int]:
    columns, rows = unpack_from(">2I", data, 16)
    return rows, columns


def _webp(data: bytes) -> tuple[int, int]:
    header = webp.parse(data)
    return header.rows, header.columns


_READERS: Mapping[int, Callable[[bytes], tuple[int, int]]] = {
    **dict.fromkeys((6, 7, 33007, 34892), _jpeg),
    **dict.fromkeys((33003, 33004, 33005, 34712), _jpeg_2000),
    34933: _png,
    50001: _webp,
}
"""By the number of the compression."""
