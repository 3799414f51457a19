"""An MGH header, parsed and checked: 284 bytes, big endian, before the voxels.

FreeSurfer's wiki, "FsTutorial/MghFormat"; `mriio.cpp`, mghRead.

    bytes      content
    0 - 3      version, 1
    4 - 23     width, height, depth, frames, type
    24 - 27    degrees of freedom
    28 - 29    whether the geometry that follows is set
    30 - 41    voxel size in mm
    42 - 77    direction of each axis in RAS
    78 - 89    position of the volume's centre in RAS, mm
    284 -      voxels; the first axis varies fastest
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.affine import (
    ORIENTATION_UNKNOWN,
    check_affine_mm,
    shear_warnings,
)
from imaging.formats.file_start import FileStart
from imaging.formats.voxel_stream import VoxelStream

HEADER_BYTES = 284
_SIZES = struct.Struct(">7ih")
_GEOMETRY = struct.Struct(">15f")
_VERSION = 1
_TYPES = {0: "u1", 1: "i4", 3: "f4", 4: "i2", 10: "u2"}
_UNSUPPORTED = {2: "64-bit integers", 5: "single bits", 6: "tensors", 7: "a matrix",
                8: "RGB", 9: "RGB"}  # fmt: skip
_DEFAULT = (1, 1, 1, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0)
"""Geometry where none is set: coronal slices of 1 mm (mriio.cpp, and nibabel)."""


@dataclass(frozen=True, slots=True, eq=False)
class MghHeader:
    """What the header states; every field has been checked."""

    grid: tuple[int, int, int]
    frames: int
    stream: VoxelStream
    geometry: tuple[float, ...] | None
    """The 15 numbers of voxel sizes, directions and centre; None where none is set."""
    warnings: tuple[str, ...]

    @property
    def voxels(self) -> int:
        """Of one frame."""
        return prod(self.grid)

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4): voxel index -> RAS+ mm. The centre is that of voxel (width / 2, ...)."""
        geometry = self.geometry or _DEFAULT
        sizes, directions = np.array(geometry[:3]), np.array(geometry[3:12])
        affine = np.eye(4)
        affine[:3, :3] = directions.reshape(3, 3).T * sizes
        affine[:3, 3] = geometry[12:] - affine[:3, :3] @ (np.array(self.grid) / 2)
        return affine


def is_mgh(start: bytes) -> bool:
    """Whether a decompressed file that begins with `start` is in the MGH format."""
    if len(start) < HEADER_BYTES:
        return False
    version, *sizes, kind, _, good = _SIZES.unpack_from(start)
    known = kind in _TYPES or kind in _UNSUPPORTED
    return version == _VERSION and known and min(sizes) > 0 and good in (0, 1)


def parse(path: Path) -> MghHeader:
    """The header of the file at `path`, gzipped or not; raises UnsupportedScan."""
    start = FileStart.of(path)
    head = start.inflated()
    if not is_mgh(head):
        raise _damaged("The file does not begin with an MGH header.")
    _, width, height, depth, frames, kind, _, good = _SIZES.unpack_from(head)
    if kind not in _TYPES:
        raise UnsupportedScan(
            f"The voxel type is not supported: {_UNSUPPORTED[kind]}.",
            expected="8- or 16-bit integers, 32-bit integers, or 32-bit floats.",
            hint="Convert it with `mri_convert --out_data_type float`.",
        )
    geometry = _GEOMETRY.unpack_from(head, _SIZES.size) if good else None
    gzipped = start.starts_with(gzip_stream.SIGNATURE)
    header = MghHeader(
        grid=(width, height, depth),
        frames=frames,
        stream=VoxelStream(
            path=path,
            stored=np.dtype(">" + _TYPES[kind]),
            sizes=(width, height, depth, frames),
            offset=0 if gzipped else HEADER_BYTES,
            compressed=gzipped,
            truncated=_truncated,
            skip=HEADER_BYTES if gzipped else 0,
        ),
        geometry=geometry,
        warnings=() if good else (ORIENTATION_UNKNOWN,),
    )
    return _with_warnings(header)


def header_bytes(
    grid: tuple[int, int, int], stored: np.dtype[Any], geometry: tuple[float, ...] | None
) -> bytes:
    """The header of a file with one frame; `geometry` is None where it is not known."""
    kind = next(code for code, name in _TYPES.items() if np.dtype(">" + name) == stored)
    start = _SIZES.pack(_VERSION, *grid, 1, kind, 0, geometry is not None)
    if geometry is not None:
        start += _GEOMETRY.pack(*geometry)
    return start.ljust(HEADER_BYTES, b"\0")


def geometry_of(affine: NDArray[np.float64], grid: tuple[int, int, int]) -> tuple[float, ...]:
    """The 15 numbers of a header. `affine`: voxel index -> RAS+ mm."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    centre = affine @ (*(length / 2 for length in grid), 1.0)
    directions = (affine[:3, :3] / sizes).T.ravel()
    return tuple(float(n) for n in (*sizes, *directions, *centre[:3]))


def _with_warnings(header: MghHeader) -> MghHeader:
    affine = header.affine
    check_affine_mm(affine)
    warnings = (*header.warnings, *shear_warnings(affine))
    return MghHeader(header.grid, header.frames, header.stream, header.geometry, warnings)


def _damaged(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="A complete MGH file, .mgh or .mgz.",
        hint="Export or copy the scan again.",
    )


def _truncated() -> UnreadableScan:
    return _damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
