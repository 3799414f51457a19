"""NIfTI and Analyze pairs (.hdr and .img), written as one NIfTI file.

Analyze 7.5 has NIfTI-1's layout for the fields that matter here: axes, type, voxel sizes and
position of the data; SPM added the scaling. Where NIfTI-1 has the position in space, Analyze has
text, and nothing that says left from right.
"""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats import gzip_stream
from imaging.formats.atomic import replacing
from imaging.formats.file_pair import FilePair, copy_data
from imaging.formats.file_start import FileStart
from imaging.formats.foreign import GZIPPED_DICOM
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import (
    PAIR_MAGIC,
    SINGLE_MAGIC,
    byte_order,
    header_size,
    magic_of,
    parse,
)
from imaging.formats.nifti.single import single_header
from imaging.formats.nifti.voxels import truncated

_GZIP_LEVEL = 1
_LARGEST_OFFSET = 1 << 40
_ANALYZE_UNITS = {b"mm": 2, b"um": 3, b"m": 1}
_UNITS_AT = 56  # vox_units
_ANALYZE_ONLY = slice(56, 70)  # vox_units, cal_units, unused1: the intent in NIfTI-1
_ANALYZE_HISTORY = slice(252, 348)  # orient, originator, patient_id: position and magic in NIfTI-1
_XYZT_UNITS = 123


def _is_header(start: FileStart) -> bool:
    with suppress(TesseraError):
        head = start.inflated()
        complete = len(head) >= 348 and byte_order(head) is not None
        dicom = GZIPPED_DICOM.recognises(head)  # a preamble may begin as a header does
        return complete and magic_of(head) not in SINGLE_MAGIC and not dicom
    return False


def _join(header: Path, data: Path, target: Path, limits: Limits) -> None:
    """Keeps byte order, scaling and position; a gzipped data file is compressed again."""
    start = FileStart.of(header).inflated()
    first = _data_offset(start)
    parsed = parse(_as_single(start))
    needed = first + parsed.volumes * parsed.voxel_bytes
    limits.check_volume(parsed.voxels, max(parsed.file_bytes, needed))
    packed = FileStart.of(data).starts_with(gzip_stream.SIGNATURE)
    if not packed and data.stat().st_size < needed:
        raise truncated()
    with replacing(target) as file:
        if not packed:
            file.write(single_header(parsed.raw))
            copy_data(data, first, file.write)
            return
        with gzip_stream.packing(file, compress=True, level=_GZIP_LEVEL) as out:
            out.write(single_header(parsed.raw))
            _inflate(data, first, needed, out.write)


def _inflate(data: Path, first: int, needed: int, write: Callable[[bytes], object]) -> None:
    """Copies a gzip stream from byte `first` of its content on; verifies it to its end."""
    skip = first
    for chunk in gzip_stream.verified(data, 0, needed, truncated):
        write(chunk[skip:])
        skip = max(0, skip - len(chunk))


def _as_single(start: bytes) -> bytes:
    """The header as that of a single file; Analyze's own fields become NIfTI-1's defaults."""
    order, size = byte_order(start) or "<", header_size(start)
    if len(start) < size:
        raise _damaged("The header of the pair is cut off.")
    content = bytearray(start[:size])
    if magic_of(start) not in PAIR_MAGIC:
        unit = bytes(content[_UNITS_AT : _UNITS_AT + 4]).strip(b"\0 ").lower()
        content[_ANALYZE_ONLY] = bytes(14)
        content[_ANALYZE_HISTORY] = bytes(96)
        content[_XYZT_UNITS] = _ANALYZE_UNITS.get(unit, 0)
    if size == 348:
        content[344:348] = SINGLE_MAGIC[0]
        struct.pack_into(f"{order}f", content, 108, size + 4)
    else:
        content[4:8] = SINGLE_MAGIC[1]
        struct.pack_into(f"{order}q", content, 168, size + 4)
    return bytes(content)


def _data_offset(start: bytes) -> int:
    """Bytes before the voxels in the data file: vox_offset."""
    order = byte_order(start) or "<"
    kind, at = ("f", 108) if header_size(start) == 348 else ("q", 168)
    if len(start) < at + 8:
        raise _damaged("The header of the pair is cut off.")
    (offset,) = struct.unpack_from(order + kind, start, at)
    if not 0 <= offset < _LARGEST_OFFSET:
        raise _damaged("The header of the pair states an impossible position of the voxels.")
    return int(offset)


def _damaged(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="A header of 348 or 540 bytes (.hdr), and its voxels (.img).",
        hint="Copy or export both files again.",
    )


PAIR = FilePair(is_header=_is_header, data_endings=(".img", ".img.gz"), join=_join)
