"""Decodes the stored values of frames, and tells real pixels from padding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import iter_pixels

from imaging.errors import UnreadableScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import check_codestreams
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.pixel_padding import PixelPadding
from imaging.formats.dicom.stored_bits import bit_shift, values_in

decoders.register()


@dataclass(frozen=True, slots=True, eq=False)
class StoredPlane:
    """The decoded pixels of one frame."""

    frame: Frame
    values: NDArray[Any]
    """(rows, columns): before the rescale."""
    padding: NDArray[np.bool_] | None
    """(rows, columns): which pixels are padding; None where none is."""

    @classmethod
    def of(cls, frame: Frame, cells: NDArray[Any]) -> "StoredPlane":
        """The plane in decoded pixel cells."""
        header = frame.instance.header
        values, padding = values_in(cells, header), PixelPadding.of(header)
        if padding is None:
            return cls(frame, values, None)
        covered = padding.covers(values)
        if bit_shift(header) == 0:  # a padding value may need more bits than BitsStored
            covered |= padding.covers(cells)
        return cls(frame, values, covered if covered.any() else None)

    def rescaled(self, dtype: np.dtype[Any], values: NDArray[Any] | None = None) -> NDArray[Any]:
        """The values (by default its own) after the modality transformation (C.11.1)."""
        stored = self.values if values is None else values
        header = self.frame.instance.header
        if "ModalityLUTSequence" in header:
            with decoding():
                return np.asarray(apply_modality_lut(stored, header)).astype(dtype)
        slope, intercept = self.frame.scale.slope, self.frame.scale.intercept
        if (slope, intercept) == (1, 0):
            return stored.astype(dtype)
        return (stored * np.float64(slope) + intercept).astype(dtype)

    def least(self, values: NDArray[Any]) -> float:
        """The least of these values of real pixels; infinite where all are padding."""
        real = values if self.padding is None else values[~self.padding]
        return float(real.min()) if real.size else np.inf


def stored_planes(frames: Sequence[Frame]) -> Iterator[StoredPlane]:
    """The planes of frames of one instance, which are sorted by number; each is decoded once.

    Raises UnreadableScan where the pixel data cannot be decoded.
    """
    header = frames[0].instance.header
    numbers = list(dict.fromkeys(frame.number for frame in frames))
    images = _cells(frames[0], numbers)
    for (_, same), cells in zip(groupby(frames, key=lambda n: n.number), images, strict=True):
        if cells.shape != (int(header.Rows), int(header.Columns)):
            raise undecoded()
        for frame in same:
            yield StoredPlane.of(frame, frame.cut(cells))


def _cells(frame: Frame, numbers: Sequence[int]) -> Iterator[NDArray[Any]]:
    instance = frame.instance
    with decoding():
        with instance.open() as file:
            check_codestreams(file)
        with instance.open() as file:
            yield from iter_pixels(
                dcmread(file, force=True) if instance.is_deflated else file,
                indices=list(numbers),
                raw=True,
                decoding_plugin=decoders.PLUGIN,
                correct_unused_bits=False,
            )


@contextmanager
def decoding() -> Iterator[None]:
    """Turns every exception that a damaged stream causes in a decoder into UnreadableScan."""
    try:
        yield
    except Exception as error:
        raise undecoded() from error


def undecoded() -> UnreadableScan:
    """The error of pixel data that is damaged, or does not match its header."""
    return UnreadableScan(
        "The pixel data of a DICOM image cannot be decoded.",
        expected="A complete, valid stream of its transfer syntax (PS3.5, 8.2 and A.4).",
        hint="Export the series again, uncompressed if necessary.",
    )
