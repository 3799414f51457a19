"""Checks of compressed frames that run before a decoder sees them.

A decoder allocates what a codestream states, whatever the DICOM header says, and fills in what is
missing from a truncated JPEG. pydicom loops forever over a JP2 box whose length is 0.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from struct import unpack_from
from typing import BinaryIO

from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

Size = tuple[int, int, int]
"""Rows, columns, components."""
_VRS = (b"OB", b"OW")
_SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_SOF = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Start of frame (ITU-T T.81, table B.1; T.87, C.1.1)."""
_OTHERS = {SOS, 0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDF, *range(0xE0, 0xF0), 0xF8, 0xFE}
"""Further markers that begin a segment with a length: tables, application data, comments."""
_MOST_SCANS = 100
"""Decoders visit every pixel for each scan; images have one, or one for each component."""
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
"""A marker, with fill bytes before it (T.81, B.1.1.2)."""
JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""A marker in entropy-coded data, but no stuffed zero and no restart (T.81, B.1.1.5)."""
JPEG_LS_MARKER = re.compile(rb"\xff+([\x80-\xcf\xd8-\xfe])", re.DOTALL)
"""The same in JPEG-LS, which stuffs a zero bit (T.87, C.2)."""
_SOC_SIZ = b"\xff\x4f\xff\x51"
JP2, _JP2C = b"\0\0\0\x0cjP  ", b"jp2c"


def check_codestreams(file: BinaryIO) -> None:
    """Checks every frame of a DICOM file, which is at its start.

    Raises ValueError, or what indexing and unpacking raise, where a frame is of another size than
    the header states, is truncated, or is no codestream of its transfer syntax.
    """
    header = dcmread(file, stop_before_pixels=True, force=True)
    syntax = str(header.file_meta.TransferSyntaxUID)
    if not states_size(syntax):
        return
    stated = (int(header.Rows), int(header.Columns), int(header.SamplesPerPixel))
    offsets = [header.get(f"ExtendedOffsetTable{end}") for end in ("", "Lengths")]
    if file.read(12)[4:6] not in _VRS:  # tag, VR and length; implicit VR has no VR
        file.seek(-4, 1)
    for frame in generate_frames(
        file,
        number_of_frames=int(header.get("NumberOfFrames") or 1),
        extended_offsets=(offsets[0], offsets[1]) if all(offsets) else None,
    ):
        check_frame(frame, syntax, stated)


def states_size(syntax: str) -> bool:
    """Whether the codestreams of a transfer syntax state the size of the image."""
    return syntax in _READERS


def check_frame(frame: bytes, syntax: str, stated: Size) -> None:
    """Checks one frame of a transfer syntax whose codestreams state a size; raises as above."""
    if _READERS[syntax](frame) != stated:
        raise ValueError("The frame is of another size than the header states.")


def _jpeg(frame: bytes) -> Size:
    return _size(frame, JPEG_MARKER)


def _jpeg_ls(frame: bytes) -> Size:
    return _size(frame, JPEG_LS_MARKER)


def _size(frame: bytes, marker: re.Pattern[bytes]) -> Size:
    """The size in the first frame header (T.81, B.2.2) of a stream that is whole."""
    sizes = [
        unpack_from(">HHB", frame, start + 3)  # after length and precision
        for kind, start in marker_segments(frame, marker)
        if kind in _SOF
    ]
    rows, columns, components = sizes[0]
    return rows, columns, components


def marker_segments(frame: bytes, marker: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Each marker segment up to the end of the image: its marker, and the offset of its length.

    `marker`: JPEG_MARKER or JPEG_LS_MARKER. The last one is EOI, which has no length. Raises
    ValueError for a truncated stream.
    """
    if frame[:2] != bytes((0xFF, _SOI)):
        raise ValueError("The stream has no start of image.")
    at, scans = 2, 0
    while True:
        following = marker.search(frame, at) if scans else _MARKER.match(frame, at)
        if following is None:
            raise ValueError("The stream is truncated.")
        kind, start = following[1][0], following.end()
        if kind == EOI:
            yield kind, start
            return
        if kind not in _SOF and kind not in _OTHERS:
            raise ValueError("The stream has a marker that its process does not use.")
        scans += kind == SOS
        if scans > _MOST_SCANS:
            raise ValueError("The stream has too many scans.")
        yield kind, start
        at = start + unpack_from(">H", frame, start)[0]


def _jpeg_2000(frame: bytes) -> Size:
    """Of JPEG 2000 and HTJ2K: SIZ, the second marker segment (ITU-T T.800, A.5.1).

    OpenJPEG refuses truncated streams by itself.
    """
    at = 0
    if frame.startswith(JP2):
        while frame[at + 4 : at + 8] != _JP2C:
            length = unpack_from(">I", frame, at)[0]
            if length < len(_JP2C):
                raise ValueError("A box of the JP2 file has no length.")
            at += length
        at += 8
    if frame[at : at + 4] != _SOC_SIZ:
        raise ValueError("The stream has no SIZ marker segment.")
    width, height, left, top = unpack_from(">4I", frame, at + 8)
    return height - top, width - left, unpack_from(">H", frame, at + 40)[0]


_READERS: Mapping[str, Callable[[bytes], Size]] = {
    **dict.fromkeys(map(str, JPEGTransferSyntaxes), _jpeg),
    **dict.fromkeys(map(str, JPEGLSTransferSyntaxes), _jpeg_ls),
    **dict.fromkeys(map(str, JPEG2000TransferSyntaxes), _jpeg_2000),
}
