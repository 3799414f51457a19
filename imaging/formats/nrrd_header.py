"""An NRRD header, parsed once into what can be relied on.

Fields are those of the format's definition (teem.sourceforge.net/nrrd/format.html). Only attached
headers are read: a detached one names other files, and a name is a path.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.nifti_header import bad_affine, sound

SIGNATURE = b"NRRD000"
_HEADER_BYTES = 1 << 20
"""No header is longer; those of segmentations with hundreds of labels are kilobytes."""
_LONGEST = 10**1000
"""What three axes of more make is a number that Python refuses to write out."""
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
"""Space -> the signs that make it RAS+."""
_SHORT = {"ras": "right-anterior-superior", "las": "left-anterior-superior",
          "lps": "left-posterior-superior"}  # fmt: skip
_SOLID = {"domain", "space", "none", "???"}
"""Kinds of an axis along which voxels lie; others bear colours, vectors, points in time."""
_NOWHERE = "The file does not say how the scan lies: left and right may be swapped."


@dataclass(frozen=True, slots=True, eq=False)
class NrrdHeader:
    """What the header promises; every field has been checked."""

    grid: tuple[int, int, int]
    stored: np.dtype[Any]
    """In the file's byte order."""
    gzipped: bool
    offset: int
    """Bytes before the voxels, or before the gzip stream of them."""
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
    is sound but not served: detached, not three axes, blocks, text or bzip2.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    text, offset = _text(start)
    fields = dict(_fields(text))
    _check_served(fields)
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
        detail, expected="A whole NRRD file, .nrrd.", hint="Export or copy the scan again."
    )


def _text(start: bytes) -> tuple[str, int]:
    """The header's text, and where the data begins: after the first empty line."""
    ends = [(at, len(mark)) for mark in (b"\n\n", b"\r\n\r\n") if (at := start.find(mark)) >= 0]
    if not ends:
        raise damaged("The header has no end.")
    at, length = min(ends)
    return start[:at].decode("utf-8", "replace"), at + length


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Field -> its description; key/value pairs, which begin with `:=`, are somebody's own."""
    for line in text.splitlines()[1:]:
        name, colon, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        if not colon:
            raise damaged("The header holds a line that is no field.")
        yield name.strip().lower().replace("datafile", "data file"), value.strip()


def _check_served(fields: Mapping[str, str]) -> None:
    for name in ("dimension", "sizes", "type", "encoding"):
        if not fields.get(name):
            raise damaged(f"The header has no {name}.")
    if "data file" in fields:
        raise UnsupportedScan(
            "The header is detached: the voxels lie in other files.",
            expected="An NRRD file that holds header and voxels in one (.nrrd).",
            hint="Load it in 3D Slicer and save it as .nrrd or .nii.gz.",
        )
    skips = (fields.get("line skip", "0"), fields.get("byte skip", "0"))
    if fields["encoding"].lower() not in ("raw", "gzip", "gz") or skips != ("0", "0"):
        raise UnsupportedScan(
            "The voxels are encoded in a way that is not served.",
            expected="encoding: raw or gzip, right after the header.",
            hint="Load it in 3D Slicer and save it as .nrrd or .nii.gz.",
        )


def _grid(fields: Mapping[str, str]) -> tuple[int, int, int]:
    try:
        count, sizes = int(fields["dimension"]), [int(n) for n in fields["sizes"].split()]
    except ValueError as error:
        raise damaged("The header's sizes are no whole numbers.") from error
    if len(sizes) != count or not all(1 <= n <= _LONGEST for n in sizes):
        raise damaged("The header's dimension and sizes contradict each other.")
    solid = set(fields.get("kinds", "").lower().split()) <= _SOLID
    if count != 3 or not solid:
        raise UnsupportedScan(
            f"The file has {count} axes{'' if solid else ', not all of them in space'}.",
            expected="One 3D volume a file, one value a voxel.",
            hint="Save the single volume or channel as .nrrd or .nii.gz and send that.",
        )
    return sizes[0], sizes[1], sizes[2]


def _stored(fields: Mapping[str, str]) -> np.dtype[Any]:
    kind = _KINDS.get(" ".join(fields["type"].lower().split()))
    if kind is None:
        raise UnsupportedScan(
            "The voxels are of a type that is not served.",
            expected="Integers or 32- or 64-bit floats, one value a voxel.",
            hint="Save the volume as one of these types.",
        )
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower())
    if order is None and not kind.endswith("1"):
        raise damaged("The header does not tell the order of a voxel's bytes.")
    return np.dtype((order or "|") + kind)


def _affine(fields: Mapping[str, str]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Voxel -> RAS+ mm; a space that is none of the patient's is taken as LPS, as ITK does."""
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
    if not sound(affine):
        raise bad_affine()
    known = space in _SPACES and "space directions" in fields
    return affine, () if known else (_NOWHERE,)


def _vectors(text: str) -> list[str]:
    return text.replace(") (", ")\0(").replace(")(", ")\0(").split("\0")


def _vector(text: str) -> tuple[float, float, float]:
    x, y, z = (float(n) for n in text.strip().removeprefix("(").removesuffix(")").split(","))
    if not all(map(isfinite, (x, y, z))):
        raise bad_affine()
    return x, y, z
