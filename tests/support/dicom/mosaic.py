"""Siemens mosaics that nobody acquired: all slices of a volume as tiles of one image."""

from math import ceil, sqrt
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from tests.support.dicom.files import RAS_TO_LPS, classic

CREATOR = "SIEMENS CSA HEADER"


def mosaic(
    volume: NDArray[Any],
    affine: NDArray[np.float64],
    *,
    csa_version: int = 2,
    times: list[float] | None = None,
    protocol_slice: int = 1,
    **changes: Any,
) -> Dataset:
    """One image of `volume`, (i: along a row, j: down a column, k), whose affine is to RAS+ mm.

    The slices run in the order of k; the CSA header states the direction.
    """
    columns, rows, count = volume.shape
    side = ceil(sqrt(count))
    tiles = np.zeros((side * rows, side * columns), volume.dtype)
    for k in range(count):
        top, left = k // side * rows, k % side * columns
        tiles[top : top + rows, left : left + columns] = volume[..., k].T
    (image,) = classic(tiles.T[..., None], affine)
    gap = float(np.linalg.norm(affine[:3, 2]))
    # Siemens centres the position of the whole image on that of the first slice
    shift = affine[:3, 0] * (side - 1) * columns / 2 + affine[:3, 1] * (side - 1) * rows / 2
    image.ImagePositionPatient = [f"{n:.8g}" for n in RAS_TO_LPS @ (affine[:3, 3] - shift)]
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    image.Manufacturer, image.MagneticFieldStrength = "SIEMENS", "3"
    image.SpacingBetweenSlices = image.SliceThickness = f"{gap:.6g}"
    image.InstanceNumber = image.AcquisitionNumber = 1
    tags = {
        "NumberOfImagesInMosaic": ("US", [str(count)]),
        "SliceNormalVector": ("FD", [f"{n:.8f}" for n in RAS_TO_LPS @ affine[:3, 2] / gap]),
        "ProtocolSliceNumber": ("IS", [str(protocol_slice)]),
        "MosaicRefAcqTimes": ("FD", [f"{n:.8f}" for n in times or np.arange(count) * 50.0]),
    }
    block = image.private_block(0x0029, CREATOR, create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    block.add_new(0x10, "OB", csa(tags, csa_version))
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    return image


def csa(tags: dict[str, tuple[str, list[str]]], version: int = 2) -> bytes:
    """A CSA header with these tags, as the scanner's software VB and VA write it."""
    out = b"SV10\4\3\2\1" if version == 2 else b""
    out += pack("<2I", len(tags), 77)
    first = None
    for name, (vr, values) in tags.items():
        count = max(6, len(values))
        first = count if first is None else first
        out += pack("<64si4siii", name.encode(), len(values), vr.encode(), 3, count, 77)
        for n in range(count):
            text = values[n].encode() + b"\0" if n < len(values) else b""
            size = len(text)
            lengths = (size, size, 77, size) if version == 2 else (size + first, size, 77, size)
            out += pack("<4i", *lengths) + text + b"\0" * (-size % 4)
    return out + b"\0" * (len(out) % 2)
