"""The stored frames of a Segmentation, one after the other.

Frames of one bit per pixel are unpacked here: they follow each other without gaps (PS3.5, 8.2), and
pydicom 3.0 returns too few pixels of a frame that does not begin at a byte.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.pixels.utils import iter_pixels

from imaging.formats.dicom import decoders

decoders.register()

_PIXEL_DATA = 0x7FE00010
_DEFERRED = 1 << 16
"""Bytes of an element that stays in the file."""


def seg_frames(path: Path, header: Dataset) -> Iterator[NDArray[Any]]:
    """(rows, columns) each. Raises various errors for a damaged file."""
    syntax = header.file_meta.TransferSyntaxUID
    if int(header.BitsAllocated) == 1 and not syntax.is_encapsulated:
        return _unpacked(path, header)
    plugin = decoders.PLUGIN if syntax.is_encapsulated else ""
    frames: Iterator[NDArray[Any]] = iter_pixels(path, raw=True, decoding_plugin=plugin)
    return frames


def _unpacked(path: Path, header: Dataset) -> Iterator[NDArray[np.uint8]]:
    rows, columns = int(header.Rows), int(header.Columns)
    size, data = rows * columns, _bytes(path, header)
    for number in range(int(header.NumberOfFrames)):
        skipped = number * size % 8
        first, last = number * size // 8, -(-(number + 1) * size // 8)
        bits = np.unpackbits(data[first:last], bitorder="little")
        yield bits[skipped : skipped + size].reshape(rows, columns)


def _bytes(path: Path, header: Dataset) -> NDArray[np.uint8]:
    """The value of Pixel Data, mapped from the file where it is not deflated."""
    syntax = header.file_meta.TransferSyntaxUID
    defer = None if syntax.is_deflated else _DEFERRED
    element = dcmread(path, force=True, defer_size=defer).get_item(_PIXEL_DATA)
    if isinstance(element, RawDataElement) and element.value is None:
        return np.memmap(path, np.uint8, "r", element.value_tell, element.length)
    return np.frombuffer(element.value, np.uint8)
