"""YCbCr samples that the codec does not convert itself (TIFF 6.0, section 21)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.formats.raster import unsupported

CODED_AS_RGB = frozenset((6, 7, 22610, 33004, 33005, 33007, 34712, 34892, 34934, 50001, 50002))
"""Compressions whose decoder gives RGB: JPEG, JPEG XR, JPEG 2000, WebP, JPEG XL."""
APERIO_YCBCR = 33003
"""Compression of Aperio: JPEG 2000 of YCbCr components."""
_BITS = 8
_LUMA = (0.299, 0.587, 0.114)
_REFERENCE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


def ycbcr_to_rgb(page: tifffile.TiffPage) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The function (..., 3) YCbCr -> (..., 3) RGB, both uint8, by the page's coefficients and
    reference values. Raises UnsupportedScan for subsampled chroma and other depths than 8 bits."""
    aperio = page.compression == APERIO_YCBCR
    if page.dtype != np.uint8 or page.bitspersample != _BITS:
        raise unsupported(
            f"The image is YCbCr with samples of {page.bitspersample} bits, not of 8."
        )
    if page.is_subsampled and not aperio:
        raise unsupported("The image is YCbCr with subsampled chroma and without JPEG compression.")
    red, green, blue = _rationals(page, "YCbCrCoefficients", _LUMA)
    reference = np.array(_rationals(page, "ReferenceBlackWhite", _REFERENCE)).reshape(3, 2)
    ranges = np.array((255.0, 127.0, 127.0))
    extent = reference[:, 1] - reference[:, 0]
    scale = ranges / np.where(extent == 0, 1, extent)
    to_rgb = np.array(
        [
            [1.0, 0.0, 2 - 2 * red],
            [1.0, -blue * (2 - 2 * blue) / green, -red * (2 - 2 * red) / green],
            [1.0, 2 - 2 * blue, 0.0],
        ]
    )

    def convert(samples: NDArray[Any]) -> NDArray[Any]:
        coded = np.trunc((samples[..., :3] - reference[:, 0]) * scale)  # as libtiff does
        return np.asarray(np.clip(np.rint(coded @ to_rgb.T), 0, 255), np.uint8)

    return convert


def _rationals(page: tifffile.TiffPage, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    """The values of a tag of rational numbers; `default` where it is missing or not sound."""
    stored = page.tags.valueof(name)
    if stored is None:
        return default
    pairs = np.array(stored, float).reshape(-1, 2)
    if pairs.shape[0] != len(default) or (pairs[:, 1] == 0).any():
        return default
    values = pairs[:, 0] / pairs[:, 1]
    if name == "YCbCrCoefficients" and (values <= 0).any():
        return default
    return tuple(float(n) for n in values)
