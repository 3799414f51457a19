"""Whether the strips or tiles of a TIFF are all in the file, from its tags alone."""

from math import ceil, prod

import tifffile

from imaging.formats.raster import damaged
from imaging.formats.tiff.contents import ImageSeries

_UNCOMPRESSED = 1
_SEPARATE = 2


def check_extent(series: ImageSeries, file_size: int) -> None:
    """Raises UnreadableScan where strips or tiles are missing, or lie beyond the end of the file.

    `file_size`: in bytes.
    """
    keyframe = series.keyframe
    if series.offsets and series.offsets[-1] + keyframe.nbytes > file_size:
        raise damaged("The image is cut off.")
    for page in series.pages:
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
        if _one_strip(keyframe, spans) and sum(spans[0]) > file_size:
            spans = [(spans[0][0], _packed_bytes(keyframe))]  # some writers state nonsense
        if len(spans) < prod(keyframe.chunked) or any(a + n > file_size for a, n in spans):
            raise damaged("The image is cut off.")
        stored = sum(count for _, count in spans)
        if keyframe.compression == _UNCOMPRESSED and stored < _packed_bytes(keyframe):
            raise damaged("The image holds fewer pixels than its header promises.")


def _one_strip(page: tifffile.TiffPage, spans: list[tuple[int, int]]) -> bool:
    """Whether an uncompressed image is one strip, of which libtiff computes the bytes."""
    return page.compression == _UNCOMPRESSED and len(spans) == 1 == prod(page.chunked)


def _packed_bytes(page: tifffile.TiffPage) -> int:
    """Bytes of all samples of an uncompressed image, each row of them filled up to whole bytes
    (TIFF 6.0, BitsPerSample)."""
    planes = page.samplesperpixel if page.planarconfig == _SEPARATE else 1
    bits = page.bitspersample
    pixel_bits = sum(bits) if isinstance(bits, tuple) else bits * page.samplesperpixel // planes
    if page.is_tiled:
        rows = ceil(page.imagelength / page.tilelength) * page.tilelength
        row_bytes = ceil(page.imagewidth / page.tilewidth) * ceil(page.tilewidth * pixel_bits / 8)
    else:
        rows, row_bytes = page.imagelength, ceil(page.imagewidth * pixel_bits / 8)
    return planes * rows * row_bytes
