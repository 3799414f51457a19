"""An NRRD header, parsed and checked.

Fields are those of the format's definition (teem.sourceforge.net/nrrd/format.html). A detached
header is read together with the data file that was sent with it; the name in it is not used,
because it may be any path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.nrrd.axes import Axes, axes_of
from imaging.formats.nrrd.fields import HEADER_BYTES, damaged, fields_of
from imaging.formats.nrrd.space import NrrdSpace, space_of
from imaging.formats.voxel_stream import VoxelStream
from imaging.formats.whole_numbers import MOST, whole_number

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
_GZIP = ("gzip", "gz")
_OTHER_ENCODINGS = {"txt": "text", "text": "text", "ascii": "text", "hex": "hexadecimal text",
                    "bz2": "bzip2", "bzip2": "bzip2"}  # fmt: skip
_MOST_LINES = 10_000
"""Most lines of `line skip`."""


@dataclass(frozen=True, slots=True, eq=False)
class NrrdHeader:
    """What the header states; every field has been checked."""

    axes: Axes
    stream: VoxelStream
    space: NrrdSpace

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.axes.grid

    @property
    def affine(self) -> NDArray[np.float64]:
        return self.space.affine

    @property
    def voxels(self) -> int:
        """Of one volume."""
        return prod(self.grid)


def parse(path: Path) -> NrrdHeader:
    """The header of the file at `path`.

    Raises UnreadableScan where it contradicts itself or has no end, UnsupportedScan where the file
    is valid but not supported: detached, not three axes in space, blocks, text or bzip2.
    """
    with path.open("rb") as file:
        fields, offset = fields_of(file.read(HEADER_BYTES))
    if "datafile" in fields:
        raise UnsupportedScan(
            "The header is detached: the voxels are in other files.",
            expected="One NRRD file that holds both header and voxels (.nrrd).",
            hint="Send the header (.nhdr) and its data file together, or in a zip.",
        )
    return header_of(fields, path, offset)


def header_of(fields: Mapping[str, str], path: Path, offset: int) -> NrrdHeader:
    """A header whose voxels follow byte `offset` of the file at `path`; raises as `parse`."""
    _check_supported(fields)
    axes = axes_of(fields)
    space = space_of(fields, axes)
    stored = _stored(fields)
    gzipped = fields["encoding"].lower() in _GZIP
    data_bytes = prod(axes.sizes) * stored.itemsize
    if data_bytes > MOST:
        raise damaged("The header states more voxels than a file can hold.")
    offset, skip = _start(path, fields, offset, data_bytes, gzipped=gzipped)
    stream = VoxelStream(path, stored, axes.sizes, offset, gzipped, _truncated, skip)
    return NrrdHeader(axes, stream, space)


def _check_supported(fields: Mapping[str, str]) -> None:
    for name in ("dimension", "sizes", "type", "encoding"):
        if not fields.get(name):
            raise damaged(f"The header has no {name}.")
    encoding = fields["encoding"].lower()
    if encoding not in ("raw", *_GZIP):
        raise UnsupportedScan(
            "The encoding of the voxels is not supported"
            f"{': ' + _OTHER_ENCODINGS[encoding] if encoding in _OTHER_ENCODINGS else ''}.",
            expected="encoding: raw or gzip.",
            hint="Load it in 3D Slicer and save it as .nrrd or .nii.gz.",
        )


def _start(
    path: Path, fields: Mapping[str, str], offset: int, data_bytes: int, *, gzipped: bool
) -> tuple[int, int]:
    """Bytes of the file before the data, and bytes of the decompressed stream before the voxels.

    Lines are skipped in the file, bytes after decompression; byte skip -1 means that raw voxels end
    with the file.
    """
    try:
        lines, skip = (whole_number(fields.get(name, "0")) for name in ("lineskip", "byteskip"))
    except ValueError as error:
        raise damaged("The header's line skip or byte skip is not a whole number.") from error
    size = path.stat().st_size
    least, most = (0, MOST) if gzipped else (-1, size)  # of a stream, the content's size is unknown
    if not 0 <= lines <= _MOST_LINES or not least <= skip <= most:
        raise damaged("The header states an impossible line skip or byte skip.")
    if skip == -1:
        return max(offset, size - data_bytes), 0
    with path.open("rb") as file:
        file.seek(offset)
        for _ in range(lines):
            file.readline(HEADER_BYTES)
        offset = file.tell()
    return (offset, skip) if gzipped else (offset + skip, 0)


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


def _truncated() -> UnreadableScan:
    return damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
