"""Voxel values of frames: decoded once, at the first read, and rescaled."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian

from imaging.errors import UnreadableScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import check_codestreams
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.instance import Instance
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy

_EXACT = (np.uint8, np.int16, np.uint16, np.int32)

decoders.register()


def value_type(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The smallest type for every value that the frames may have; float32 for fractional slopes."""
    if any("ModalityLUTSequence" in frame.instance.header for frame in frames):
        return np.dtype(np.float32)
    kinds = {(*_bits(frame.instance.header), frame.slope, frame.intercept) for frame in frames}
    if any(not slope.is_integer() or not start.is_integer() for _, _, slope, start in kinds):
        return np.dtype(np.float32)
    return _smallest([slope * n + start for *ends, slope, start in kinds for n in ends])


def image_type(frame: Frame) -> np.dtype[Any]:
    """The same for an image, whose colours are never rescaled."""
    header = frame.instance.header
    if header.PhotometricInterpretation == "PALETTE COLOR":
        _, _, bits = header.RedPaletteColorLookupTableDescriptor  # of its entries (C.7.6.3.1.5)
        return np.dtype(np.uint8 if int(bits) <= 8 else np.uint16)
    return value_type([frame]) if int(header.SamplesPerPixel) == 1 else _smallest(_bits(header))


def _bits(header: Dataset) -> tuple[int, int]:
    """The smallest and the largest value that can be stored."""
    bits = int(header.BitsStored)
    signed = int(header.get("PixelRepresentation") or 0)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def _smallest(ends: Iterable[float]) -> np.dtype[Any]:
    ends = list(ends)
    for kind in _EXACT:
        info = np.iinfo(kind)
        if info.min <= min(ends) and max(ends) <= info.max:
            return np.dtype(kind)
    return np.dtype(np.float32)


class StackValues:
    """(n, rows, columns) rescaled values of a stack; decoded when they are first accessed."""

    def __init__(self, frames: Sequence[Frame], scratch: Path | None) -> None:
        self.frames = tuple(frames)
        self.dtype = value_type(frames)
        header = frames[0].instance.header
        self.shape = (len(frames), int(header.Rows), int(header.Columns))
        self._scratch = scratch
        self.values = lazy(self._decode)

    def _decode(self) -> NDArray[Any]:
        out = large_zeros(self.shape, self.dtype, self._scratch)
        order = sorted(range(len(self.frames)), key=lambda n: id(self.frames[n].instance))
        for _, same in groupby(order, key=lambda n: id(self.frames[n].instance)):
            indices = sorted(same, key=lambda n: self.frames[n].number)
            instance = self.frames[indices[0]].instance
            numbers = [self.frames[n].number for n in indices]
            for index, stored in zip(indices, _stored(instance, numbers), strict=True):
                frame = self.frames[index]
                out[index] = _rescaled(stored, frame, self.dtype)
        return out


def image_values(frame: Frame) -> NDArray[Any]:
    """(1 or 3, rows, columns) of an image's only frame, grey or RGB; larger values are brighter."""
    with _decoding():
        with frame.instance.open() as file:
            check_codestreams(file)
        with frame.instance.open() as file:
            data = dcmread(file, force=True)
        values = pixel_array(data, decoding_plugin=decoders.PLUGIN)
        if data.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, data)
        if values.ndim == 3:
            colors = np.ascontiguousarray(np.moveaxis(values[..., :3], -1, 0))
            return colors.astype(image_type(frame), copy=False)
        return _grey(values, data, frame)[None]


def _grey(stored: NDArray[Any], data: Any, frame: Frame) -> NDArray[Any]:
    """Rescaled; inverted for MONOCHROME1, whose smallest value is white (PS3.3, C.7.6.3.1.2)."""
    inverted, dtype = data.PhotometricInterpretation == "MONOCHROME1", image_type(frame)
    if "ModalityLUTSequence" in data or not np.issubdtype(stored.dtype, np.integer):
        grey = _rescaled(stored, frame, dtype)
        return np.asarray(grey.max() + grey.min() - grey) if inverted else grey
    return _rescaled(_inverted(stored, data) if inverted else stored, frame, dtype)


def _inverted(stored: NDArray[Any], data: Any) -> NDArray[Any]:
    """Inverts values within the range of their bits."""
    bits = int(data.BitsStored)
    ends = -1 if data.PixelRepresentation else (1 << bits) - 1
    return np.asarray(ends - stored.astype(np.int64)).astype(stored.dtype)


def _stored(instance: Instance, numbers: Sequence[int]) -> Any:
    """Stored values of these frames, in the given order."""
    with _decoding():
        with instance.open() as file:
            check_codestreams(file)
        with instance.open() as file:
            source = dcmread(file, force=True) if _is_deflated(instance) else file
            yield from iter_pixels(
                source, indices=list(numbers), raw=True, decoding_plugin=decoders.PLUGIN
            )


def _is_deflated(instance: Instance) -> bool:
    """Whether the file is deflated (PS3.5, A.5): pydicom does not decode its frames one by one."""
    syntax = instance.header.file_meta.get("TransferSyntaxUID", "")
    return bool(syntax == DeflatedExplicitVRLittleEndian)


@contextmanager
def _decoding() -> Iterator[None]:
    """Turns every exception that a damaged stream causes in a decoder into UnreadableScan."""
    try:
        yield
    except Exception as error:
        raise _undecoded() from error


def _rescaled(stored: NDArray[Any], frame: Frame, dtype: np.dtype[Any]) -> NDArray[Any]:
    header = frame.instance.header
    if stored.shape != (int(header.Rows), int(header.Columns)):
        raise _undecoded()
    if "ModalityLUTSequence" in header:
        return np.asarray(apply_modality_lut(stored, header)).astype(dtype)
    if (frame.slope, frame.intercept) == (1, 0):
        return stored.astype(dtype)
    return (stored * np.float64(frame.slope) + frame.intercept).astype(dtype)


def _undecoded() -> UnreadableScan:
    return UnreadableScan(
        "The pixel data of a DICOM image cannot be decoded.",
        expected="A complete, valid stream of its transfer syntax (PS3.5, 8.2 and A.4).",
        hint="Export the series again, uncompressed if necessary.",
    )


def stack_bytes(frames: Sequence[Frame]) -> int:
    """Size of all values in memory."""
    header = frames[0].instance.header
    return prod((len(frames), int(header.Rows), int(header.Columns))) * value_type(frames).itemsize
