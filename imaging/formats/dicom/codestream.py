"""What compressed frames say of their own size, read before a decoder believes it.

Decoders take as much memory as a codestream asks for, whatever the header says of the image, and
pydicom goes round for ever in a JP2 box of no length.
"""

from collections.abc import Callable, Mapping
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
_NO_SOF = (0xC4, 0xC8, 0xCC)
_SOF = {0xF7, *range(0xC0, 0xD0)} - {*_NO_SOF}
"""ITU-T T.81, table B.1; T.87, C.1.1."""
_SOC_SIZ = b"\xff\x4f\xff\x51"
_JP2, _JP2C = b"\0\0\0\x0cjP  ", b"jp2c"


def check_codestreams(file: BinaryIO) -> None:
    """Raises ValueError or the like where a frame of a DICOM file is of another size than its
    header says; `file` is at its start."""
    header = dcmread(file, stop_before_pixels=True, force=True)
    size_of = _READERS.get(str(header.file_meta.TransferSyntaxUID))
    if size_of is None:
        return
    wanted = (int(header.Rows), int(header.Columns), int(header.SamplesPerPixel))
    offsets = [header.get(f"ExtendedOffsetTable{end}") for end in ("", "Lengths")]
    if file.read(12)[4:6] not in _VRS:  # tag, VR and length; some leave the VR out
        file.seek(-4, 1)
    for frame in generate_frames(
        file,
        number_of_frames=int(header.get("NumberOfFrames") or 1),
        extended_offsets=(offsets[0], offsets[1]) if all(offsets) else None,
    ):
        if size_of(frame) != wanted:
            raise ValueError("a frame of another size")


def _jpeg(frame: bytes) -> Size:
    """Of JPEG and JPEG-LS: the first frame header (T.81, B.2.2)."""
    at = 2
    while frame[at + 1] not in _SOF:
        if frame[at] != 0xFF:
            raise ValueError("no marker")
        filled = frame[at + 1] == 0xFF
        at += 1 if filled else 2 + unpack_from(">H", frame, at + 2)[0]
    _length, _precision, rows, columns, components = unpack_from(">HBHHB", frame, at + 2)
    return rows, columns, components


def _jpeg_2000(frame: bytes) -> Size:
    """Of JPEG 2000 and HTJ2K: SIZ, the second marker (ITU-T T.800, A.5.1)."""
    at = 0
    if frame.startswith(_JP2):
        while frame[at + 4 : at + 8] != _JP2C:
            length = unpack_from(">I", frame, at)[0]
            if length < len(_JP2C):
                raise ValueError("a box that never ends")
            at += length
        at += 8
    if frame[at : at + 4] != _SOC_SIZ:
        raise ValueError("no SIZ")
    width, height, left, top = unpack_from(">4I", frame, at + 8)
    return height - top, width - left, unpack_from(">H", frame, at + 40)[0]


_READERS: Mapping[str, Callable[[bytes], Size]] = {
    **dict.fromkeys(map(str, JPEGTransferSyntaxes + JPEGLSTransferSyntaxes), _jpeg),
    **dict.fromkeys(map(str, JPEG2000TransferSyntaxes), _jpeg_2000),
    **{f"1.2.840.10008.1.2.4.{n}": _jpeg_2000 for n in (201, 202, 203)},
}
