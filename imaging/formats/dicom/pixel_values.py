"""Voxel values of frames: decoded once, at the first read, and rescaled."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import check_codestreams
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.pixel_padding import PixelPadding, fill_value
from imaging.formats.dicom.stored_plane import StoredPlane, decoding, stored_planes
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy

_EXACT = (np.uint8, np.int16, np.uint16, np.int32)
_GREY = ("MONOCHROME1", "MONOCHROME2")


def value_type(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The smallest type for every value that the frames may have; float32 for fractional slopes."""
    if any("ModalityLUTSequence" in frame.instance.header for frame in frames):
        return np.dtype(np.float32)
    kinds = {
        (*_bits(frame.instance.header), frame.scale.slope, frame.scale.intercept)
        for frame in frames
    }
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
    """Rescaled values of a stack, (n, rows, columns); decoded when they are first accessed."""

    def __init__(self, frames: Sequence[Frame], scratch: Path | None) -> None:
        self.frames = tuple(frames)
        self.dtype = value_type(frames)
        self.shape = (len(frames), *frames[0].size)
        self._scratch = scratch
        self._decoded = lazy(self._decode)

    def values(self) -> NDArray[Any]:
        """The values; padding is replaced by air, or by the least real value."""
        return self._decoded()[0]

    def padding(self) -> NDArray[np.bool_] | None:
        """Which pixels are padding; None where none is."""
        return self._decoded()[1]

    @property
    def may_have_padding(self) -> bool:
        """Whether an image states a padding value; decodes nothing."""
        return any(PixelPadding.of(frame.instance.header) for frame in self.frames)

    def _decode(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        out = large_zeros(self.shape, self.dtype, self._scratch)
        padding: NDArray[np.bool_] | None = None
        least, measured = np.inf, self.may_have_padding
        for index, plane in self._planes():
            values = plane.rescaled(self.dtype)
            out[index] = values
            least = min(least, plane.least(values)) if measured else least
            if plane.padding is not None:
                padding = (
                    large_zeros(self.shape, bool, self._scratch) if padding is None else padding
                )
                padding[index] = plane.padding
        if padding is not None:
            hounsfield = all(frame.is_hounsfield for frame in self.frames)
            fill = fill_value(least, self.dtype, hounsfield=hounsfield)
            for values, padded in zip(out, padding, strict=True):
                values[padded] = fill
        return out, padding

    def _planes(self) -> Iterator[tuple[int, StoredPlane]]:
        """Every frame with its index; each instance is opened once."""
        order = sorted(range(len(self.frames)), key=lambda n: id(self.frames[n].instance))
        for _, same in groupby(order, key=lambda n: id(self.frames[n].instance)):
            indices = sorted(same, key=lambda n: self.frames[n].number)
            planes = stored_planes([self.frames[n] for n in indices])
            yield from zip(indices, planes, strict=True)


@dataclass(frozen=True, slots=True, eq=False)
class ImageValues:
    """The pixels of an image's only frame; larger values are brighter."""

    values: NDArray[Any]
    """(1 or 3, rows, columns): grey or RGB."""
    padding: NDArray[np.bool_] | None = None
    """(rows, columns): which pixels are padding; None where none is."""

    @classmethod
    def of(cls, frame: Frame) -> "ImageValues":
        """Decodes a frame; raises UnreadableScan."""
        header = frame.instance.header
        if int(header.SamplesPerPixel) == 1 and header.PhotometricInterpretation in _GREY:
            (plane,) = stored_planes([frame])
            grey = _grey(plane, inverted=header.PhotometricInterpretation == "MONOCHROME1")
            return cls(grey[None], plane.padding)
        return cls(_colors(frame))


def _grey(plane: StoredPlane, *, inverted: bool) -> NDArray[Any]:
    """Rescaled; inverted for MONOCHROME1, whose smallest value is white (PS3.3, C.7.6.3.1.2)."""
    header, dtype, stored = plane.frame.instance.header, image_type(plane.frame), plane.values
    if not inverted:
        grey = plane.rescaled(dtype)
    elif "ModalityLUTSequence" in header or not np.issubdtype(stored.dtype, np.integer):
        grey = plane.rescaled(dtype)
        grey = np.asarray(grey.max() + grey.min() - grey)
    else:
        grey = plane.rescaled(dtype, _inverted(stored, header))
    if plane.padding is not None:
        hounsfield = plane.frame.is_hounsfield
        grey[plane.padding] = fill_value(plane.least(grey), dtype, hounsfield=hounsfield)
    return grey


def _inverted(stored: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Inverts values within the range of their bits."""
    bits = int(header.BitsStored)
    ends = -1 if header.get("PixelRepresentation") else (1 << bits) - 1
    return np.asarray(ends - stored.astype(np.int64)).astype(stored.dtype)


def _colors(frame: Frame) -> NDArray[Any]:
    """(3, rows, columns) RGB."""
    with decoding():
        with frame.instance.open() as file:
            check_codestreams(file)
        with frame.instance.open() as file:
            data = dcmread(file, force=True)
        values = pixel_array(data, decoding_plugin=decoders.PLUGIN)
        if data.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, data)
        colors = np.ascontiguousarray(np.moveaxis(values[..., :3], -1, 0))
        return colors.astype(image_type(frame), copy=False)


def stack_bytes(frames: Sequence[Frame]) -> int:
    """Size of all values in memory."""
    return prod((len(frames), *frames[0].size)) * value_type(frames).itemsize
