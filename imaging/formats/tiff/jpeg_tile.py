"""Decodes ordinary JPEG tiles into memory at an address that the decoder writes to quickly.

libjpeg-turbo writes RGB past the processor's caches where a row begins at a multiple of 32 bytes
(jdcolext-avx2.asm), and takes a third longer there. An array of NumPy's begins at such an address
or not by chance.
"""

from contextlib import suppress
from math import prod
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

_JPEG = 7
_RGB, _YCBCR = 2, 6
_CONTIGUOUS = 1
_AVOIDED, _BEHIND = 32, 8
"""Rows of RGB tiles are multiples of 16 bytes apart, because the edges of tiles are multiples of 16
pixels (TIFF 6.0, section 15): no row of them begins at a multiple of 32, if the first one begins 8
bytes behind one."""


def jpeg_tile(
    keyframe: tifffile.TiffPage, page: tifffile.TiffPage | tifffile.TiffFrame, data: bytes
) -> NDArray[np.uint8] | None:
    """RGB of a tile, (row, column, 3), as tifffile decodes it; None for what is left to tifffile:
    another compression or colour space, or a tile whose stream has another size than its tags.

    Raises imagecodecs.JpegError for a damaged stream.
    """
    if not _is_ordinary(keyframe):
        return None
    coded = _RGB if keyframe.photometric == _RGB and not keyframe.is_jfif else None
    out = _array((keyframe.tilelength, keyframe.tilewidth, 3))
    with suppress(ValueError):  # `out` has another shape than the stream states
        imagecodecs.jpeg_decode(
            data, tables=page.jpegtables, colorspace=coded, outcolorspace=_RGB, out=out
        )
        return out
    return None


def _is_ordinary(page: tifffile.TiffPage) -> bool:
    return (
        page.compression == _JPEG
        and page.is_tiled
        and page.tiledepth == 1
        and page.photometric in (_RGB, _YCBCR)
        and page.planarconfig == _CONTIGUOUS
        and page.samplesperpixel == 3
        and not page.extrasamples
        and page.dtype == np.uint8
        and not page.jpegheader  # the header of an NDPI's intervals is tifffile's own
    )


def _array(shape: tuple[int, ...]) -> NDArray[Any]:
    size = prod(shape)
    memory = np.empty(size + _AVOIDED + _BEHIND, np.uint8)
    start = -memory.ctypes.data % _AVOIDED + _BEHIND
    return memory[start : start + size].reshape(shape)
