# mypy: allow-untyped-calls
"""The volumes of a NIfTI file of 4 to 7 dimensions: time points, b-values, components.

Each volume is a run of bytes, because the first three axes vary fastest:

    | header | volume 1 | volume 2 | ... | volume n |
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from imaging.formats import gzip_stream
from imaging.formats.atomic import replacing
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import Header, parse
from imaging.formats.nifti.single import single_header
from imaging.formats.nifti.voxels import check_file_size, truncated
from imaging.formats.scan_part import ScanPart, check_part_count

_GZIP_LEVEL = 1
_CHUNK_BYTES = 1 << 20
_TIME_UNITS = (8, 16, 24)  # NIFTI_UNITS_SEC, NIFTI_UNITS_MSEC, NIFTI_UNITS_USEC
_VECTOR = (1005, 1006, 1007)  # NIFTI_INTENT_SYMMATRIX, NIFTI_INTENT_DISPVECT, NIFTI_INTENT_VECTOR


def nifti_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The volumes of the file at `path`; reads the header only."""
    start = FileStart.of(path)
    header = parse(start.inflated())
    check_part_count(header.volumes)
    limits.check_volume(header.voxels, header.file_bytes)
    check_file_size(path, header, gzipped=start.starts_with(gzip_stream.SIGNATURE))
    return [ScanPart(n + 1, _title(header, n), header.grid) for n in range(header.volumes)]


def extract_nifti(path: Path, number: int, target: Path) -> None:
    """Writes volume `number` (from 1) of the file at `path` as a NIfTI file of three dimensions.

    The voxels, their byte order, scaling and geometry stay as they are. A gzip stream is read to
    its end, so that its checksum is verified; the volume is compressed again.
    """
    start = FileStart.of(path)
    header = parse(start.inflated())
    gzipped = start.starts_with(gzip_stream.SIGNATURE)
    first = header.offset + (number - 1) * header.voxel_bytes
    with replacing(target) as file:
        if not gzipped:
            _copy(file, header, lambda: _file_range(path, first, header.voxel_bytes))
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            _copy(packed, header, lambda: _stream_range(path, header, first))


def _title(header: Header, index: int) -> str:
    """Such as `time point 3 of 150, component 1 of 3`; axis 4 varies fastest."""
    lengths = header.stored_shape[3:]
    places = np.unravel_index(index, lengths, order="F") if lengths else ()
    names = _axis_names(header)
    parts = (
        f"{names[axis]} {int(place) + 1} of {length}"
        for axis, (place, length) in enumerate(zip(places, lengths, strict=True))
        if length > 1
    )
    return ", ".join(parts) or "volume 1 of 1"


def _axis_names(header: Header) -> tuple[str, ...]:
    """Of the axes 4 to 7. nifti1.h: axis 4 is time, where it has a unit; axis 5 holds values."""
    timed = int(header.raw["xyzt_units"]) & 0x38 in _TIME_UNITS
    return "time point" if timed else "volume", "component", "part", "subpart"


def _copy(
    file: IO[bytes] | gzip.GzipFile, header: Header, chunks: Callable[[], Iterator[bytes]]
) -> None:
    raw = header.raw.copy()
    axes = min(3, len(header.stored_shape))
    raw["dim"][0], raw["dim"][axes + 1 :] = axes, 1
    if int(raw["intent_code"]) in _VECTOR:
        raw["intent_code"] = 0
    file.write(single_header(raw))
    for chunk in chunks():
        file.write(chunk)


def _file_range(path: Path, first: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as source:
        source.seek(first)
        while size > 0:
            chunk = source.read(min(size, _CHUNK_BYTES))
            if not chunk:
                raise truncated()
            size -= len(chunk)
            yield chunk


def _stream_range(path: Path, header: Header, first: int) -> Iterator[bytes]:
    """The bytes of one volume from a gzip stream, which is read and verified to its end."""
    stop = first + header.voxel_bytes
    at = 0
    for chunk in gzip_stream.verified(path, 0, header.file_bytes, truncated):
        begin, end = max(first - at, 0), min(stop - at, len(chunk))
        if begin < end:
            yield chunk[begin:end]
        at += len(chunk)
