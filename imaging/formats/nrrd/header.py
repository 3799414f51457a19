"""An NRRD header, parsed and checked.

Fields are those of the format's definition (teem.sourceforge.net/nrrd/format.html). Only attached
headers are read: a detached one names other files, and such a name may be any path.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.affine import ORIENTATION_UNKNOWN, invalid_affine, is_valid

SIGNATURE = b"NRRD000"
_HEADER_BYTES = 1 << 20
"""Most bytes of a header; that of a segmentation with hundreds of labels takes kilobytes."""
_MAX_LENGTH = 10**1000
"""Most voxels along an axis: Python refuses to print the product of three longer axes."""
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long",
           "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}  # fmt: skip
_KINDS = {name: kind for kind, names in _TYPES.items() for name in names}
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
}
"""Space -> the signs that turn its coordinates into RAS+."""
_SHORT = {"ras": "right-anterior-superior", "las": "left-anterior-superior",
          "lps": "left-posterior-superior"}  # fmt: skip
_SPATIAL = {"domain", "space", "none", "???"}
"""Kinds of a spatial axis; axes of other kinds hold colours, vectors or points in time."""


@dataclass(frozen=True, slots=True, eq=False)
class NrrdHeader:
    """What the header states; every field has been checked."""

    grid: tuple[int, int, int]
    stored: np.dtype[Any]
    """The voxel type, in the file's byte order."""
    gzipped: bool
    offset: int
    """Bytes before the voxels, or before the gzip stream that holds them."""
    affine: NDArray[np.float64]
    warnings: tuple[str, ...]

    @property
    def voxels(self) -> int:
        return prod(self.grid)

    @property
    def voxel_bytes(self) -> int:
        return self.voxels * self.stored.itemsize


def parse(path: Path) -> NrrdHeader:
    """The header of the file at `path`.

    Raises UnreadableScan where it contradicts itself or has no end, UnsupportedScan where the file
    is valid but not supported: detached, not three axes, blocks, text or bzip2.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    text, offset = _text(start)
    fields = dict(_fields(text))
    _check_supported(fields)
    grid = _grid(fields)
    affine, warnings = _affine(fields)
    return NrrdHeader(
        grid=grid,
        stored=_stored(fields),
        gzipped=fields["encoding"].lower() != "raw",
        offset=offset,
        affine=affine,
        warnings=warnings,
    )


def damaged(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail, expected="A complete NRRD file, .nrrd.", hint="Export or copy the scan again."
    )


def _text(start: bytes) -> tuple[str, int]:
    """The header's text, and the offset of the data: after the first empty line."""
    ends = [(at, len(mark)) for mark in (b"\n\n", b"\r\n\r\n") if (at := start.find(mark)) >= 0]
    if not ends:
        raise damaged("The header has no end.")
    at, length = min(ends)
    return start[:at].decode("utf-8", "replace"), at + length


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of field and description; user-defined key/value pairs, with `:=`, are skipped."""
    for line in text.splitlines()[1:]:
        name, colon, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        if not colon:
            raise damaged("The header holds a line that is not a field.")
        yield name.strip().lower().replace("datafile", "data file"), value.strip()


def _check_supported(fields: Mapping[str, str]) -> None:
    for name in ("dimension", "sizes", "type", "encoding"):
        if not fields.get(name):
            raise damaged(f"The header has no {name}.")
    if "data file" in fields:
        raise UnsupportedScan(
            "The header is detached: the voxels are in other files.",
            expected="One NRRD file that holds both header and voxels (.nrrd).",
            hint="Load it in 3D Slicer and save it as .nrrd or .nii.gz.",
        )
    skips = (fields.get("line skip", "0"), fields.get("byte skip", "0"))
    if fields["encoding"].lower() not in ("raw", "gzip", "gz") or skips != ("0", "0"):
        raise UnsupportedScan(
            "The encoding of the voxels is not supported.",
            expected="encoding: raw or gzip, with the voxels right after the header.",
            hint="Load it in 3D Slicer and save it as .nrrd or .nii.gz.",
        )


def _grid(fields: Mapping[str, str]) -> tuple[int, int, int]:
    try:
        count, sizes = int(fields["dimension"]), [int(n) for n in fields["sizes"].split()]
    except ValueError as error:
        raise damaged("The header's sizes are not whole numbers.") from error
    if len(sizes) != count or not all(1 <= n <= _MAX_LENGTH for n in sizes):
        raise damaged("The header's dimension and sizes contradict each other.")
    spatial = set(fields.get("kinds", "").lower().split()) <= _SPATIAL
    if count != 3 or not spatial:
        raise UnsupportedScan(
            f"The file has {count} axes{'' if spatial else ', not all of them spatial'}.",
            expected="One 3D volume per file, with one value per voxel.",
            hint="Save the single volume or channel as .nrrd or .nii.gz and send that.",
        )
    return sizes[0], sizes[1], sizes[2]


def _stored(fields: Mapping[str, str]) -> np.dtype[Any]:
    kind = _KINDS.get(" ".join(fields["type"].lower().split()))
    if kind is None:
        raise UnsupportedScan(
            "The voxel type is not supported.",
            expected="Integers, or 32- or 64-bit floats, with one value per voxel.",
            hint="Save the volume as one of these types.",
        )
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower())
    if order is None and not kind.endswith("1"):
        raise damaged("The header does not state the byte order of the voxels.")
    return np.dtype((order or "|") + kind)


def _affine(fields: Mapping[str, str]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Voxel -> RAS+ mm, and warnings. A space that is not anatomical is read as LPS, as in ITK."""
    space = fields.get("space", "").lower()
    space = _SHORT.get(space, space)
    signs = _SPACES.get(space, _SPACES["left-posterior-superior"])
    affine = np.eye(4)
    try:
        if "space directions" in fields:
            columns = [_vector(text) for text in _vectors(fields["space directions"])]
            affine[:3, :3] = np.array(columns).T
        elif "spacings" in fields:
            affine[:3, :3] = np.diag([float(n) for n in fields["spacings"].split()])
        if "space origin" in fields:
            affine[:3, 3] = _vector(fields["space origin"])
    except ValueError as error:
        raise damaged("The header's space cannot be read as numbers.") from error
    affine[:3] *= np.array(signs, np.float64)[:, np.newaxis]
    if not is_valid(affine):
        raise invalid_affine()
    known = space in _SPACES and "space directions" in fields
    return affine, () if known else (ORIENTATION_UNKNOWN,)


def _vectors(text: str) -> list[str]:
    return text.replace(") (", ")\0(").replace(")(", ")\0(").split("\0")


def _vector(text: str) -> tuple[float, float, float]:
    x, y, z = (float(n) for n in text.strip().removeprefix("(").removesuffix(")").split(","))
    if not all(map(isfinite, (x, y, z))):
        raise invalid_affine()
    return x, y, z
