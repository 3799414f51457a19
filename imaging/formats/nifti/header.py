# mypy: allow-untyped-calls
"""A NIfTI-1 or NIfTI-2 header, parsed and checked.

Fields and codes are those of nifti1.h and nifti2.h (NIfTI DFWG, 2004 and 2011).
"""

from dataclasses import dataclass
from math import isfinite, prod
from typing import Any, Literal

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.file_start import HEAD_BYTES
from imaging.formats.nifti.geometry import Geometry, geometry_of

HEADER_BYTES = HEAD_BYTES
"""The length of the longer header, NIfTI-2's."""
_VERSIONS = {348: Nifti1Header, 540: Nifti2Header}
SINGLE_MAGIC = (b"n+1\0", b"n+2\0")
"""NIfTI-1 and NIfTI-2 with header and voxels in one file."""
PAIR_MAGIC = (b"ni1\0", b"ni2\0")
"""NIfTI-1 and NIfTI-2 with the voxels in another file."""
_CIFTI = range(3000, 3100)
"""Intent codes of CIFTI-2, NIFTI_INTENT_CONNECTIVITY_UNKNOWN and the following ones."""
_SUPPORTED = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_UNSUPPORTED = {1: "single bits", 32: "complex", 1792: "complex", 2048: "complex", 128: "RGB"}
_UNSUPPORTED |= {2304: "RGBA", 1536: "128-bit float"}
_COMMON = ("u1", "i2", "i4", "f4", "f8", "u2", "u4")
"""Voxel types that every viewer supports: neither int8 nor 64-bit integers."""
_SPACE = 3
"""Number of axes in space; the others are time and values."""
_EXTENSIONS_BYTES = 64 << 20
"""Most bytes between header and voxels: extensions take kilobytes, with DICOM in them some MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """What the header states; every field has been checked."""

    raw: Nifti1Header
    """The fields as they are (Nifti2Header is a subclass), for writing a mask on the same grid."""
    stored_shape: tuple[int, ...]
    stored: np.dtype[Any]
    """The type of the voxels in the file, in the file's byte order."""
    offset: int
    """Bytes before the first voxel."""
    slope: float
    intercept: float
    geometry: Geometry

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values after slope and intercept; the stored type without them."""
        if not self.scaled:
            return self.stored.newbyteorder("=")
        small = self.stored.itemsize <= 2 or self.stored == np.float32
        return np.dtype(np.float32 if small else np.float64)

    @property
    def common(self) -> bool:
        """Whether every viewer supports the voxel type."""
        return self.stored.newbyteorder("=") in map(np.dtype, _COMMON)

    @property
    def grid(self) -> tuple[int, int, int]:
        """The shape of one volume."""
        return _grid(self.stored_shape)

    @property
    def volumes(self) -> int:
        """Number of volumes in the file: the product of the axes after the third."""
        return prod(self.stored_shape[3:])

    @property
    def voxels(self) -> int:
        """Of one volume."""
        return prod(self.grid)

    @property
    def voxel_bytes(self) -> int:
        """Of one volume."""
        return self.voxels * self.stored.itemsize

    @property
    def file_bytes(self) -> int:
        """Bytes that the file must hold once decompressed."""
        return self.offset + self.volumes * self.voxel_bytes


def byte_order(start: bytes) -> Literal["<", ">"] | None:
    """`<` or `>` where `start` begins with the size of a NIfTI or Analyze header, else None."""
    if int.from_bytes(start[:4], "little") in _VERSIONS:
        return "<"
    return ">" if int.from_bytes(start[:4], "big") in _VERSIONS else None


def header_size(start: bytes) -> int:
    """Bytes of the header that `start` begins with: 348, or 540 for NIfTI-2."""
    return int.from_bytes(start[:4], "little" if byte_order(start) == "<" else "big")


def magic_of(start: bytes) -> bytes:
    """The four bytes that tell single files, pairs and Analyze apart."""
    return start[344:348] if header_size(start) == 348 else start[4:8]


def parse(start: bytes) -> Header:
    """The header at the beginning of a decompressed file.

    Raises UnreadableScan where its fields contradict each other, UnsupportedScan where the file is
    valid but not supported (pairs, complex, colour, a singular affine).
    """
    order = byte_order(start)
    if order is None:
        raise _damaged("The file does not begin with a NIfTI header.")
    size = header_size(start)
    if len(start) < size:
        raise _damaged("The file ends inside its header.")
    _check_magic(start)
    raw = _VERSIONS[size](start[:size], endianness=order, check=False)
    _check_intent(raw)
    stored_shape = _stored_shape(raw)
    slope, intercept = _scaling(raw)
    geometry = geometry_of(raw, _grid(stored_shape))
    return Header(
        raw=raw,
        stored_shape=stored_shape,
        stored=_stored_dtype(raw).newbyteorder(order),
        offset=_offset(raw, size),
        slope=slope,
        intercept=intercept,
        geometry=geometry,
    )


def _damaged(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="A complete NIfTI file, .nii or .nii.gz.",
        hint="Export or copy the scan again.",
    )


def _check_magic(start: bytes) -> None:
    magic = magic_of(start)
    if magic in SINGLE_MAGIC:
        return
    kind = "NIfTI pair (.hdr and .img)" if magic in PAIR_MAGIC else "pair of Analyze files"
    raise UnsupportedScan(
        f"This is the header of a {kind}.",
        expected="One NIfTI file that holds both header and voxels, or both files of a pair.",
        hint="Send both files together, or in a zip.",
    )


def _check_intent(raw: Nifti1Header) -> None:
    if int(raw["intent_code"]) in _CIFTI:
        raise UnsupportedScan(
            "This is a CIFTI-2 file: its values belong to points of the cortex or to brain areas, "
            "and do not form a volume.",
            expected="A volume of voxels.",
            hint="Send the volume that the values were computed from, as .nii.gz.",
        )


def _stored_shape(raw: Nifti1Header) -> tuple[int, ...]:
    count = int(raw["dim"][0])
    if not 1 <= count <= 7:
        raise _damaged(f"The header states {count} axes.")
    shape = tuple(
        max(1, n) if axis >= _SPACE else n  # nifti1_io.c: 0 is 1
        for axis, n in enumerate(raw["dim"][1 : count + 1].tolist())
    )
    if min(shape) < 1:
        raise _damaged("The header states a length below 1 for an axis.")
    return shape


def _grid(stored_shape: tuple[int, ...]) -> tuple[int, int, int]:
    i, j, k = (*stored_shape[:3], 1, 1)[:3]
    return i, j, k


def _stored_dtype(raw: Nifti1Header) -> np.dtype[Any]:
    code = int(raw["datatype"])
    if code in _SUPPORTED:
        return np.dtype(_SUPPORTED[code])
    if code not in _UNSUPPORTED:
        raise _damaged(f"The header states the unknown voxel type {code}.")
    raise UnsupportedScan(
        f"The voxel type is not supported: {_UNSUPPORTED[code]}.",
        expected="Integers, or 32- or 64-bit floats, with one value per voxel.",
        hint="Convert it to one value per voxel, such as the magnitude or one channel.",
    )


def _offset(raw: Nifti1Header, size: int) -> int:
    offset = float(raw["vox_offset"])
    if not isfinite(offset):
        raise _damaged("The header's position of the voxels in the file is not finite.")
    if offset < size:
        raise _damaged(
            f"The header states that the voxels begin at byte {offset:.0f}, inside the header."
        )
    if offset > size + _EXTENSIONS_BYTES:
        raise _damaged(
            f"The header states that the voxels begin at byte {offset:.0f}. The extensions before "
            f"them may take {_EXTENSIONS_BYTES:,} bytes."
        )
    return int(offset)


def _scaling(raw: Nifti1Header) -> tuple[float, float]:
    """nifti1.h: a slope of 0 means no scaling. nibabel treats one that is not finite the same."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if slope == 0 or not isfinite(slope):
        return 1.0, 0.0
    if not isfinite(intercept):
        raise _damaged("The header has a valid slope, but an intercept that is not finite.")
    return slope, intercept
