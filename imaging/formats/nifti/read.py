"""Opens and verifies NIfTI-1 and NIfTI-2 volumes."""

from dataclasses import replace
from pathlib import Path

from imaging.errors import UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.affine import axis_lengths
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import HEADER_BYTES, Header, byte_order, parse
from imaging.formats.nifti.voxels import Voxels, check_size, opened
from imaging.formats.voxel_stream import VoxelStream
from imaging.scan import Scan


def is_common_nifti(start: bytes) -> bool:
    """Whether every viewer can read the NIfTI file that begins with `start`, gzipped or not.

    False as well where `start` does not hold the whole header.
    """
    if start.startswith(gzip_stream.SIGNATURE):
        start = gzip_stream.head_of(start, HEADER_BYTES)
    complete = len(start) >= int.from_bytes(start[:4], "little")
    return byte_order(start) == "<" and complete and parse(start).common


def open_nifti(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`, gzipped or not; reads the header only.

    `scratch`: a folder where a gzip stream is unpacked at the first read. Raises UnreadableScan,
    UnsupportedScan or ScanTooLarge before anything is allocated. A gzip stream that ends too early
    is detected here if its size shows it, otherwise by the first read or by `verify_nifti`.
    """
    return _scan(*opened(path), limits, scratch)


def verify_nifti(path: Path, limits: Limits) -> Scan:
    """As open_nifti, and verifies that every voxel is present; holds one chunk at a time."""
    header, stream = opened(path)
    scan = _scan(header, stream, limits)
    trailing = gzip_stream.trailing_warning(stream.verify())
    return replace(scan, warnings=(*scan.warnings, *trailing)) if trailing else scan


def _scan(header: Header, stream: VoxelStream, limits: Limits, scratch: Path | None = None) -> Scan:
    _check_one_volume(header)
    check_size(header, stream, limits)
    affine = header.geometry.affine
    return Scan(
        shape=(1, *header.grid),
        dtype=header.dtype,
        affine=affine,
        spacing_mm=axis_lengths(affine),
        format="nifti",
        reader=Voxels(header, stream, scratch),
        stored_shape=header.stored_shape,
        warnings=header.geometry.warnings,
    )


def _check_one_volume(header: Header) -> None:
    if header.volumes > 1:
        raise UnsupportedScan(
            f"The file holds {header.volumes} volumes ({len(header.stored_shape)}D).",
            expected="A file with one 3D volume, or the choice of one volume.",
            hint="Choose a volume by its number, or split the file into volumes.",
        )
