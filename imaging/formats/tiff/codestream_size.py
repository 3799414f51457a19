"""The size that a compressed strip or tile states itself, which a decoder makes room for.

A WebP tile of 34 bytes can state 16,000 x 16,000 pixels in a TIFF whose tiles are 16 x 16.
"""

from collections.abc import Callable, Mapping
from struct import error, unpack_from

import tifffile

from imaging.formats import webp
from imaging.formats.jpeg.frame import FRAMES
from imaging.formats.jpeg.segments import START, segments
from imaging.formats.jpeg2000.header import CODESTREAM
from imaging.formats.raster import damaged, unsupported
from imaging.formats.tiff.jpeg_xl import jpeg_xl_size
from imaging.formats.tiff.jpeg_xr import jpeg_xr_size

_SLACK = 4
"""How many times the pixels of a segment its stream may have; writers pad tiles to blocks."""
_FEW_PIXELS = 1 << 16
_LERC = 34887
_LERC_1, _LERC_2 = b"CntZImage ", b"Lerc2 "
_LERC_WITH_CHECKSUM, _LERC_WITH_DEPTH = 3, 4
"""Versions of LERC 2 whose header has a checksum, and a number of values per pixel."""


def check_codestream(page: tifffile.TiffPage, data: bytes) -> None:
    """Raises UnreadableScan where a strip or tile states far more pixels than the page's tags, or
    is a JPEG or JPEG XR that is cut off: their decoders fill in what is missing."""
    read = _READERS.get(int(page.compression))
    if read is None or page.jpegheader:  # the header of an NDPI's intervals is tifffile's own
        return
    try:
        rows, columns = read(data)
    except (error, IndexError) as cause:
        raise damaged("A strip or tile of the image is cut off.") from cause
    tiled = page.is_tiled
    expected = page.tilelength * page.tilewidth if tiled else page.rowsperstrip * page.imagewidth
    if page.compression == _LERC:
        expected *= page.samplesperpixel
    if rows * columns > max(_FEW_PIXELS, _SLACK * expected):
        raise damaged("A strip or tile of the image is larger than its tags state.")


def _jpeg(data: bytes) -> tuple[int, int]:
    """The largest frame; raises UnreadableScan without the end of the image."""
    frames = [unpack_from(">2H", body, 1) for marker, body, _ in segments(data) if marker in FRAMES]
    rows, columns = max(frames, default=(0, 0))
    return rows, columns


def _old_jpeg(data: bytes) -> tuple[int, int]:
    """JPEG as in TIFF 6.0, section 22. Raises UnsupportedScan for a strip that is not a stream of
    its own, and for subsampled chroma, which readers of these files scale in different ways."""
    if not data.startswith(START):
        raise unsupported("The image is old-style JPEG, and its strips are no JPEG streams.")
    for marker, body, _ in segments(data):
        if marker in FRAMES and len(set(body[7::3])) > 1:  # sampling factors (T.81, B.2.2)
            raise unsupported("The image is old-style JPEG with subsampled chroma.")
    return _jpeg(data)


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


def _lerc(data: bytes) -> tuple[int, int]:
    """Rows of all values of a pixel, and columns (https://github.com/Esri/lerc)."""
    if data.startswith(_LERC_1):
        rows, columns = unpack_from("<2i", data, len(_LERC_1) + 8)
    elif data.startswith(_LERC_2):
        (version,) = unpack_from("<i", data, len(_LERC_2))
        at = len(_LERC_2) + 4 + 4 * (version >= _LERC_WITH_CHECKSUM)
        rows, columns = unpack_from("<2i", data, at)
        if version >= _LERC_WITH_DEPTH:
            rows *= unpack_from("<i", data, at + 8)[0]
    else:
        return 0, 0
    return rows, columns


_READERS: Mapping[int, Callable[[bytes], tuple[int, int]]] = {
    6: _old_jpeg,
    **dict.fromkeys((7, 33007, 34892), _jpeg),
    **dict.fromkeys((22610, 34934), jpeg_xr_size),
    **dict.fromkeys((33003, 33004, 33005, 34712), _jpeg_2000),
    _LERC: _lerc,
    34933: _png,
    50001: _webp,
    **dict.fromkeys((50002, 52546), jpeg_xl_size),
}
"""By the number of the compression."""
