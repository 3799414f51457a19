"""What the samples of a TIFF mean: stored samples -> grey or RGB.

Source: TIFF 6.0, PhotometricInterpretation (section 8), bilevel to RGB images (sections 3 to 6),
CMYK (section 16), SampleFormat (section 19), YCbCr (section 21).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.counted import counted
from imaging.formats.raster import ALPHA_IGNORED, damaged, unsupported
from imaging.formats.tiff.ycbcr import APERIO_YCBCR, CODED_AS_RGB, ycbcr_to_rgb

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_NOT_STATED = -1
_REFUSED = {
    _NOT_STATED: "The file does not state what the samples of its pixels mean.",
    4: "The image is a transparency mask of another image.",
    8: "The colours of the image are CIE L*a*b*.",
    9: "The colours of the image are ICC L*a*b*.",
    10: "The colours of the image are ITU L*a*b*.",
    32803: "The image holds the raw values of a camera's colour filter.",
    32844: "The image is stored as the logarithm of its luminance (LogL).",
    32845: "The image is stored as the logarithm of its luminance (LogLuv).",
    34892: "The image holds the linear raw values of a camera.",
}
_CCITT = (2, 3, 4)
_ALPHA = (1, 2)
"""Values of ExtraSamples for associated and unassociated alpha; 0 is any other channel."""

Convert = Callable[[NDArray[Any]], NDArray[Any]]
"""(..., sample) as stored -> (..., component) of the scan."""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How the stored samples of a page become the components of a scan."""

    components: int
    """1 (grey) or 3 (RGB)."""
    dtype: np.dtype[Any]
    """Type of the components. Fewer than 8 bits are scaled to 0 to 255, as in PNG."""
    convert: Convert
    warnings: tuple[str, ...] = ()


def interpretation(page: tifffile.TiffPage, channel: int | None = None) -> Interpretation:
    """The interpretation of a page's samples; `channel`: the only sample that is read, from 0.

    Raises UnsupportedScan where the photometric interpretation or the sample type is not supported.
    """
    kind = photometric(page)
    interpret = _KINDS.get(kind)
    if interpret is None:
        raise unsupported(
            _REFUSED.get(kind, f"The photometric interpretation {kind} of the TIFF is not known.")
        )
    if page.imagedepth > 1:
        raise unsupported("The TIFF holds a volume in one page (ImageDepth).")
    return interpret(page, channel)


def photometric(page: tifffile.TiffPage) -> int:
    """PhotometricInterpretation; where it is missing, what libtiff assumes."""
    if "PhotometricInterpretation" in page.tags:
        return int(page.photometric)
    if page.samplesperpixel > 1:
        return _NOT_STATED
    return _WHITE_IS_ZERO if page.compression in _CCITT else _BLACK_IS_ZERO


def channels(page: tifffile.TiffPage) -> int:
    """How many independent grey channels a pixel has: 1 unless there are extra samples which are
    not alpha."""
    if photometric(page) not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return 1
    extra = _extra(page, 1)
    return 1 + sum(kind not in _ALPHA for kind in extra)


def _extra(page: tifffile.TiffPage, components: int) -> tuple[int, ...]:
    """The kinds of the samples after the first `components`; alpha where they are not stated."""
    count = page.samplesperpixel - components
    stated = tuple(int(kind) for kind in page.extrasamples or ())
    if len(stated) == count:
        return stated
    return (_ALPHA[1],) if count == 1 else (0,) * count


def stored_type(page: tifffile.TiffPage) -> np.dtype[Any]:
    """The type of the decoded samples; raises UnsupportedScan where it is not supported."""
    dtype = page.dtype
    odd = dtype is not None and dtype.kind == "u" and 16 < depth(page) < 32
    if dtype is None or dtype.kind not in "buif" or odd:
        raise unsupported(
            f"The sample type of the TIFF is not supported: {page.bitspersample} bits, "
            f"SampleFormat {int(page.sampleformat)}."
        )
    return np.dtype(dtype)


def depth(page: tifffile.TiffPage) -> int:
    """Bits of a sample as it is decoded: tifffile scales samples of unequal size to 8 bits."""
    return 8 if isinstance(page.bitspersample, tuple) else int(page.bitspersample)


def _readable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a scan's values: half floats become single ones, bits become bytes."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "f" and dtype.itemsize < 4:
        return np.dtype(np.float32)
    return dtype.newbyteorder("=")


def _full_range(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Unsigned values of fewer than 8 bits, scaled to 0 to 255; others in the scan's type."""
    out = values.astype(_readable(values.dtype), copy=False)
    if bits >= 8 or out.dtype != np.uint8:
        return out
    top = (1 << bits) - 1
    return ((out.astype(np.uint16) * 255 + top // 2) // top).astype(np.uint8)


def _grey(page: tifffile.TiffPage, channel: int | None) -> Interpretation:
    bits, sample = depth(page), channel or 0
    extra = _extra(page, 1)
    alpha = any(kind in _ALPHA for kind in extra)

    def convert(samples: NDArray[Any]) -> NDArray[Any]:
        return _full_range(samples[..., sample : sample + 1], bits)

    warnings = (ALPHA_IGNORED,) if alpha else ()
    return Interpretation(1, _readable(stored_type(page)), convert, warnings)


def _inverted_grey(page: tifffile.TiffPage, channel: int | None) -> Interpretation:
    """WhiteIsZero. The largest value that the bits can hold becomes 0, for signed integers the
    least. Floats are reflected at the middle of SMinSampleValue and SMaxSampleValue, by default 0
    and 1."""
    grey, bits = _grey(page, channel), depth(page)
    low, high = (
        float(np.ravel(page.tags.valueof(tag, default))[0])
        for tag, default in (("SMinSampleValue", 0.0), ("SMaxSampleValue", 1.0))
    )

    def inverted(samples: NDArray[Any]) -> NDArray[Any]:
        if samples.dtype.kind in "bi":
            return ~samples
        if samples.dtype.kind == "u":
            return np.asarray(samples.dtype.type((1 << bits) - 1) - samples)
        with np.errstate(all="ignore"):  # infinite values may become NaN
            return np.asarray(grey.dtype.type(low + high) - samples.astype(grey.dtype, copy=False))

    return Interpretation(
        1, grey.dtype, lambda samples: grey.convert(inverted(samples)), grey.warnings
    )


def _rgb(page: tifffile.TiffPage, _channel: int | None = None) -> Interpretation:
    if page.samplesperpixel < 3:
        raise damaged("The image is RGB and has fewer than three samples per pixel.")
    bits = depth(page)

    def convert(samples: NDArray[Any]) -> NDArray[Any]:
        return _full_range(samples[..., :3], bits)

    return Interpretation(3, _readable(stored_type(page)), convert, _extra_ignored(page, 3))


def _extra_ignored(page: tifffile.TiffPage, components: int) -> tuple[str, ...]:
    extra = _extra(page, components)
    warnings = (ALPHA_IGNORED,) if any(kind in _ALPHA for kind in extra) else ()
    others = sum(kind not in _ALPHA for kind in extra)
    if others:
        channels = counted(others, "extra channel", "extra channels")
        verb = "is" if others == 1 else "are"
        return (*warnings, f"{channels} of the image besides its colours {verb} ignored.")
    return warnings


def _palette(page: tifffile.TiffPage, _channel: int | None) -> Interpretation:
    """Palette colour (section 5). A map without a value above 255 is of 8 bits, as in libtiff."""
    table = None if page.colormap is None else np.asarray(page.colormap)
    if table is None or stored_type(page).kind not in "bu" or table.shape != (3, 1 << depth(page)):
        raise damaged("The palette of the image is missing, or its size is wrong.")
    colors = np.moveaxis(table >> 8 if table.max() > 255 else table, 0, -1).astype(np.uint8)

    def convert(samples: NDArray[Any]) -> NDArray[Any]:
        return colors[samples[..., 0].astype(np.intp)]

    return Interpretation(3, np.dtype(np.uint8), convert, _extra_ignored(page, 1))


def _cmyk(page: tifffile.TiffPage, _channel: int | None) -> Interpretation:
    """Inks to RGB without a colour profile, as libtiff does."""
    if page.tags.valueof("InkSet", 1) != 1 or page.samplesperpixel < 4:
        raise unsupported("The image is stored as inks that are not CMYK.")
    if page.compression in tifffile.TIFF.IMAGE_COMPRESSIONS:
        raise unsupported("The image is CMYK, compressed as JPEG or by a similar codec.")
    bits = depth(page)
    if stored_type(page).kind != "u" or bits not in (8, 16):
        raise unsupported(f"The image is CMYK with samples of {bits} bits, not of 8 or 16.")
    top = np.uint32((1 << bits) - 1)

    def convert(samples: NDArray[Any]) -> NDArray[Any]:
        paper = top - samples[..., :4].astype(np.uint32)
        return (paper[..., :3] * paper[..., 3:] // top).astype(samples.dtype.newbyteorder("="))

    return Interpretation(3, _readable(stored_type(page)), convert, _extra_ignored(page, 4))


def _ycbcr(page: tifffile.TiffPage, _channel: int | None) -> Interpretation:
    rgb = _rgb(page)
    if page.compression in CODED_AS_RGB:
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:  # no codec sees all components
            raise unsupported("The image is YCbCr, and each component is compressed by itself.")
        return rgb
    return Interpretation(3, rgb.dtype, ycbcr_to_rgb(page), rgb.warnings)


def _rgb_or_ycbcr(page: tifffile.TiffPage, channel: int | None) -> Interpretation:
    """Aperio's JPEG 2000 with YCbCr components may be declared as RGB."""
    return _ycbcr(page, channel) if page.compression == APERIO_YCBCR else _rgb(page)


_KINDS: dict[int, Callable[[tifffile.TiffPage, int | None], Interpretation]] = {
    _WHITE_IS_ZERO: _inverted_grey,
    _BLACK_IS_ZERO: _grey,
    _RGB: _rgb_or_ycbcr,
    _PALETTE: _palette,
    _CMYK: _cmyk,
    _YCBCR: _ycbcr,
}
