"""Opens NIfTI-1 and NIfTI-2 volumes, and proves them whole."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from imaging.formats.limits import Limits
from imaging.formats.nifti_header import HEADER_BYTES, byte_order, parse
from imaging.formats.nifti_voxels import Voxels, cut_off, prove_stream
from imaging.formats.nifti_write import write_mask, write_mask_volume, write_volume
from imaging.scan import Scan

__all__ = [
    "GZIP",
    "open_nifti",
    "shown_as_stored",
    "start_of",
    "verify_nifti",
    "write_mask",
    "write_mask_volume",
    "write_volume",
]

GZIP = b"\x1f\x8b"
"""How a gzip stream begins (RFC 1952, 2.3.1)."""
_GZIP_WINDOW = 31
"""zlib's word for a gzip stream of any window."""
_DEFLATE_RATIO = 1032
"""A deflate stream grows at most this many times (258 bytes from two bits; RFC 1951, 3.2.5)."""


def start_of(path: Path, *, gzipped: bool) -> bytes:
    """The first bytes of the file, enough for a header, decompressed."""
    with path.open("rb") as file:
        if not gzipped:
            return file.read(HEADER_BYTES)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return stream.read(HEADER_BYTES)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise cut_off() from error


def shown_as_stored(start: bytes) -> bool:
    """Whether viewers read the NIfTI file that begins so, packed or not, without our help.

    False as well where `start` does not hold the whole header.
    """
    if start.startswith(GZIP):
        start = zlib.decompressobj(_GZIP_WINDOW).decompress(start, HEADER_BYTES)
    whole = len(start) >= int.from_bytes(start[:4], "little")
    return byte_order(start) == "<" and whole and parse(start).common


def open_nifti(path: Path, limits: Limits, scratch: Path | None, *, gzipped: bool) -> Scan:
    """The volume at `path`; reads the header only.

    Raises UnreadableScan, UnsupportedScan or ScanTooLarge before anything is allocated. A gzip
    stream that ends too early but not absurdly so is found by the first read or by `verify_nifti`.
    """
    header = parse(start_of(path, gzipped=gzipped))
    limits.check_volume(header.voxels, header.file_bytes)
    if path.stat().st_size * (_DEFLATE_RATIO if gzipped else 1) < header.file_bytes:
        raise cut_off()
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


def verify_nifti(path: Path, limits: Limits, *, gzipped: bool) -> Scan:
    """As open_nifti, and proves that every voxel is there, holding one chunk at a time."""
    scan = open_nifti(path, limits, None, gzipped=gzipped)
    if gzipped and isinstance(scan.reader, Voxels):
        prove_stream(path, scan.reader.header.file_bytes)
    return scan
