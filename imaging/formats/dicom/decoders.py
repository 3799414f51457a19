"""Decoders of compressed pixel data: imagecodecs as a plug-in of pydicom (decision 0019).

pydicom splits the pixel data into frames, and converts signs and colours; a plug-in turns the
codestream of one frame into bytes. Colours are left as they are stored: YCbCr stays YCbCr.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from struct import unpack_from
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

PLUGIN = "imagecodecs"
"""The plug-in's label. Naming it keeps pydicom from using another decoder that is installed."""
_RLE_HEADER = "<16I"
_RLE_MOST_SEGMENTS = 15


def register() -> None:
    """Adds the plug-in to pydicom's decoders. Calling it again has no effect."""
    for syntax in DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))


def is_available(uid: str) -> bool:
    """Whether the plug-in decodes a transfer syntax; pydicom requires this name."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(codestream: bytes, runner: DecodeRunner) -> bytes:
    """The pixels of one frame, little endian; updates the runner's options to describe them.

    Raises ValueError where the frame is of another size than the header states, and an exception
    of imagecodecs for a damaged codestream.
    """
    return _DECODERS[str(runner.transfer_syntax)](codestream, runner)


def _jpeg(codestream: bytes, runner: DecodeRunner) -> bytes:
    """JPEG of 8 and 12 bits, JPEG lossless of 2 to 16 bits with any predictor (ITU-T T.81)."""
    colors = "YCBCR" if runner.samples_per_pixel > 1 else None  # the same in and out: no transform
    pixels = imagecodecs.jpeg8_decode(codestream, colorspace=colors, outcolorspace=colors)
    return _pixel_bytes(pixels, runner)


def _jpeg_ls(codestream: bytes, runner: DecodeRunner) -> bytes:
    """JPEG-LS, lossless and near-lossless (ITU-T T.87)."""
    return _pixel_bytes(imagecodecs.jpegls_decode(codestream), runner)


def _jpeg_2000(codestream: bytes, runner: DecodeRunner) -> bytes:
    """JPEG 2000 (ITU-T T.800) and HTJ2K (T.814), which undo their own colour transform."""
    pixels = imagecodecs.jpeg2k_decode(codestream)
    if runner.photometric_interpretation in _OF_JPEG_2000:
        runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    return _pixel_bytes(pixels, runner)


_OF_JPEG_2000 = (PhotometricInterpretation.YBR_ICT, PhotometricInterpretation.YBR_RCT)


def _rle_segment(encoded: bytes, pixels: int) -> bytes:
    """The pixels of one PackBits segment. Zeros that some encoders append to it are ignored.

    Raises ValueError for a segment of any other size: a damaged run shifts all pixels behind it.
    """
    unpadded = len(encoded.rstrip(b"\0"))
    for length in (len(encoded), *range(unpadded, min(unpadded + 3, len(encoded)))):
        with suppress(imagecodecs.PackbitsError):  # more pixels than `out`
            segment = imagecodecs.packbits_decode(encoded[:length], out=pixels)
            if len(segment) == pixels:
                return bytes(segment)
    raise ValueError("An RLE segment does not have the size of the image.")


def _rle(codestream: bytes, runner: DecodeRunner) -> bytes:
    """RLE (PS3.5, Annex G): PackBits segments, one for each byte of each sample."""
    count, *offsets = unpack_from(_RLE_HEADER, codestream)
    samples, size = runner.samples_per_pixel, runner.bits_allocated // 8
    if runner.bits_allocated % 8 or count != samples * size or count > _RLE_MOST_SEGMENTS:
        raise ValueError("The number of RLE segments does not fit the image.")
    ends = [*offsets[1:count], len(codestream)]
    pixels = runner.rows * runner.columns
    planes = np.empty((samples, pixels, size), np.uint8)
    for number, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        segment = _rle_segment(codestream[start:end], pixels)
        sample, byte = divmod(number, size)  # the most significant byte comes first
        planes[sample, :, size - 1 - byte] = np.frombuffer(segment, np.uint8, pixels)
    runner.set_option("planar_configuration", 1)
    return planes.tobytes()


def _pixel_bytes(pixels: NDArray[Any], runner: DecodeRunner) -> bytes:
    """The bytes of an array (rows, columns) or (rows, columns, samples)."""
    rows, columns, samples = runner.rows, runner.columns, runner.samples_per_pixel
    if pixels.shape != ((rows, columns, samples) if samples > 1 else (rows, columns)):
        raise ValueError("The frame is of another size than the header states.")
    runner.set_option("planar_configuration", 0)
    # decoders choose the type by the codestream's precision, which may be less than BitsAllocated
    runner.set_option("bits_allocated", pixels.dtype.itemsize * 8)
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


_DECODERS: Mapping[str, Callable[[bytes, DecodeRunner], bytes]] = {
    **dict.fromkeys(map(str, JPEGTransferSyntaxes), _jpeg),
    **dict.fromkeys(map(str, JPEGLSTransferSyntaxes), _jpeg_ls),
    **dict.fromkeys(map(str, (JPEG2000Lossless, JPEG2000)), _jpeg_2000),
    **dict.fromkeys(map(str, (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)), _jpeg_2000),
    str(RLELossless): _rle,
}
DECODER_DEPENDENCIES: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    _DECODERS, ("imagecodecs>=2024.12",)
)
"""Transfer syntax -> what decodes it; pydicom requires this name."""
