"""Opens and verifies NIfTI-1 and NIfTI-2 volumes."""

from pathlib import Path

import numpy as np

from imaging.formats import gzip_stream
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import HEADER_BYTES, byte_order, parse
from imaging.formats.nifti.voxels import Voxels, truncated
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
    start = FileStart.of(path)
    gzipped = start.starts_with(gzip_stream.SIGNATURE)
    header = parse(start.inflated())
    limits.check_volume(header.voxels, header.file_bytes)
    if path.stat().st_size * (gzip_stream.DEFLATE_RATIO if gzipped else 1) < header.file_bytes:
        raise truncated()
    return Scan(
        shape=(1, *header.grid),
        dtype=header.dtype,
        affine=header.affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)),
        format="nifti",
        reader=Voxels(path, header, scratch, gzipped=gzipped),
        stored_shape=header.stored_shape,
        warnings=header.warnings,
    )


def verify_nifti(path: Path, limits: Limits) -> Scan:
    """As open_nifti, and verifies that every voxel is present; holds one chunk at a time."""
    scan = open_nifti(path, limits)
    if isinstance(scan.reader, Voxels) and scan.reader.gzipped:
        gzip_stream.verify(path, 0, scan.reader.header.file_bytes, truncated)
    return scan
