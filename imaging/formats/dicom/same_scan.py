"""Whether two DICOM scans are the same, though their files differ.

The same series has other bytes after every way in: C-STORE adds the sender to the file meta
information, an archive may change the transfer syntax, and exports write the preamble and the
encoding of value representations as they like. None of this changes an image.
"""

from math import prod
from typing import Any

import numpy as np
from pydicom import Dataset

from imaging.box import blocks
from imaging.formats.dicom.object_header import COPIED
from imaging.formats.dicom.readable_element import readable_element
from imaging.formats.dicom.source_series import SourceSeries
from imaging.scan import Scan

_COMPARED = (
    *("Modality", "StudyInstanceUID", "FrameOfReferenceUID", "PositionReferenceIndicator"),
    *COPIED,
)
"""What results copy from the first image: scans that differ here have different results."""
_BLOCK_VOXELS = 1 << 22
MOST_VOXELS = 1 << 31
"""Larger scans, such as whole slides, are not compared: it would take longer than their upload."""


def is_same_scan(one: Scan, other: Scan) -> bool:
    """Whether both have the same images, of the same patient, in the same order, and equal voxels.

    Reads all voxels by region, unless the headers differ already. Raises UnreadableScan for voxels
    that cannot be read.
    """
    if one.source is None or other.source is None or prod(one.shape) > MOST_VOXELS:
        return False
    same_images = one.source.uid == other.source.uid and one.source.images == other.source.images
    if not (same_images and _same_grid(one, other)):
        return False
    return _copied(one.source) == _copied(other.source) and all(
        np.array_equal(one.read(box), other.read(box), equal_nan=one.dtype.kind == "f")
        for box in blocks(one.grid, _BLOCK_VOXELS)
    )


def _same_grid(one: Scan, other: Scan) -> bool:
    return (one.shape, one.dtype, one.spacing_mm) == (
        other.shape,
        other.dtype,
        other.spacing_mm,
    ) and np.array_equal(one.affine, other.affine)


def _copied(source: SourceSeries) -> list[Any]:
    header = source.header()
    return [_value(header, keyword) for keyword in _COMPARED]


def _value(header: Dataset, keyword: str) -> Any:
    """The value of an attribute; None where it is empty, missing or unreadable, which results write
    alike."""
    element = readable_element(header, keyword)
    if element is None or element.is_empty:
        return None
    return element.value if element.VR == "SQ" else str(element.value)
