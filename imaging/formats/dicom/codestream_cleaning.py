"""Compressed frames without what is not part of the image: comments, application data, remains.

A codestream may contain text and further images that no DICOM attribute shows: comments (JPEG COM,
JPEG 2000 COM), application data (APPn: Exif with a thumbnail, maker's notes), and bytes behind the
end of the image. The entropy-coded data is copied as it is, so that the pixels stay the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from struct import pack, unpack_from

from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from imaging.formats.dicom.codestream import EOI, JPEG_LS_MARKER, JPEG_MARKER, SOS, marker_segments

_COM, _APP = 0xFE, range(0xE0, 0xF0)
_APP0, _APP8, _APP14 = 0xE0, 0xE8, 0xEE
_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\x00\x01\x00\x01\0\0"
"""JFIF 1.1 without density and thumbnail; decoders derive the colour space from its presence."""
_JPEG_2000_SOC, _JPEG_2000_COM, _JPEG_2000_TLM = b"\xff\x4f", 0xFF64, 0xFF55
_SOT, _SOD, _EOC = 0xFF90, 0xFF93, b"\xff\xd9"
_SOT_BYTES, _PSOT = 12, 6
"""Size of a SOT marker segment with its marker, and the offset of Psot in it (T.800, A.4.2)."""
_SOP_OR_EOC = re.compile(rb"\xff\x91\x00\x04..|(?P<eoc>\xff\xd9)", re.DOTALL)
"""A SOP marker segment, whose packet number may be FFD9, or the end of the codestream. Packets
themselves contain no two bytes from FF90 on (T.800, A.1)."""


def clean_codestream(frame: bytes, syntax: str) -> bytes:
    """A JPEG, JPEG-LS or JPEG 2000 frame with nothing but its image.

    Raises ValueError, IndexError or struct.error for a damaged stream, KeyError for another
    transfer syntax.
    """
    return _CLEANERS[syntax](frame)


def precision(frame: bytes, syntax: str) -> int:
    """Bits of a sample in the codestream, which may be more than BitsStored; raises as above."""
    if syntax in JPEG2000TransferSyntaxes:
        count = unpack_from(">H", frame, 40)[0]  # Csiz, then Ssiz of each component (T.800, A.5.1)
        return max((frame[42 + 3 * n] & 0x7F) + 1 for n in range(count))
    marker = JPEG_LS_MARKER if syntax in JPEGLSTransferSyntaxes else JPEG_MARKER
    return next(
        frame[start + 2]  # after the length (T.81, B.2.2)
        for kind, start in marker_segments(frame, marker)
        if kind == 0xF7 or (0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC))
    )


def _jpeg(frame: bytes) -> bytes:
    return b"".join(_jpeg_parts(frame, list(marker_segments(frame, JPEG_MARKER))))


def _jpeg_ls(frame: bytes) -> bytes:
    return b"".join(_jpeg_parts(frame, list(marker_segments(frame, JPEG_LS_MARKER))))


def _jpeg_parts(frame: bytes, segments: list[tuple[int, int]]) -> Iterator[bytes]:
    """Marker segments, and after each SOS the scan's data up to the next marker."""
    yield frame[:2]
    for number, (kind, start) in enumerate(segments):
        if kind == EOI:
            yield bytes((0xFF, EOI))
            return
        end = start + int(unpack_from(">H", frame, start)[0])
        yield _jpeg_segment(kind, frame[start:end])
        if kind == SOS:
            yield frame[end : segments[number + 1][1] - 2].rstrip(b"\xff")


def _jpeg_segment(kind: int, content: bytes) -> bytes:
    """A marker segment, `content` from its length on; what decoders need of application data."""
    if kind == _APP0 and content[2:7] == b"JFIF\0":
        return _JFIF
    if kind == _APP14 and content[2:7] == b"Adobe" and len(content) >= 14:
        return b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + content[13:14]  # the colour transform
    if kind == _APP8 and content[2:6] == b"mrfx":
        return b"\xff\xe8\x00\x07mrfx" + content[6:7]  # the colour transform of JPEG-LS by HP
    if kind in _APP or kind == _COM:
        return b""
    return bytes((0xFF, kind)) + content


def _jpeg_2000(frame: bytes) -> bytes:
    """The main header, then tile-parts (T.800, A.3), each without comments."""
    if not frame.startswith(_JPEG_2000_SOC):
        raise ValueError("The stream has no start of codestream.")
    main, at = _without_comments(frame, 2, _SOT)
    parts: list[bytes] = []
    comments_found = False
    while frame[at : at + 2] != _EOC and at < len(frame):
        part, end = _tile_part(frame, at)
        comments_found = comments_found or len(part) != end - at
        parts.append(part)
        at = end
    if comments_found:  # TLM states the length of each tile-part, and is optional
        main, _ = _without_comments(frame, 2, _SOT, (_JPEG_2000_COM, _JPEG_2000_TLM))
    return b"".join((_JPEG_2000_SOC, main, *parts, _EOC))


def _tile_part(frame: bytes, at: int) -> tuple[bytes, int]:
    """A tile-part from its SOT, and where the next one begins."""
    length = int(unpack_from(">I", frame, at + _PSOT)[0])
    header, data = _without_comments(frame, at + _SOT_BYTES, _SOD)
    stated = at + length if length else None  # Psot 0: the last tile-part, up to EOC
    end = _end_of_image(frame, data, len(frame) if stated is None else stated) or stated
    if unpack_from(">H", frame, at)[0] != _SOT or end is None or not data < end <= len(frame):
        raise ValueError("A tile-part has no valid length.")
    content = header + frame[data:end]
    start = frame[at : at + _PSOT] + pack(">I", _SOT_BYTES + len(content))
    return start + frame[at + _PSOT + 4 : at + _SOT_BYTES] + content, end


def _end_of_image(frame: bytes, data: int, bound: int) -> int | None:
    """Offset of the first EOC between `data`, where packets begin, and `bound`; None without it."""
    markers = _SOP_OR_EOC.finditer(frame, data, bound)
    return next((marker.start() for marker in markers if marker["eoc"]), None)


def _without_comments(
    frame: bytes, at: int, last: int, dropped: tuple[int, ...] = (_JPEG_2000_COM,)
) -> tuple[bytes, int]:
    """The marker segments from `at` to the marker `last`, and the offset of that marker."""
    parts: list[bytes] = []
    while (marker := unpack_from(">H", frame, at)[0]) != last:
        length = int(unpack_from(">H", frame, at + 2)[0])
        if not 0xFF30 <= marker <= 0xFFFF or length < 2:
            raise ValueError("The stream has a marker that its process does not use.")
        end = at + 2 + length
        if marker not in dropped:
            parts.append(frame[at:end])
        at = end
    return b"".join(parts), at


_CLEANERS: Mapping[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(map(str, JPEGTransferSyntaxes), _jpeg),
    **dict.fromkeys(map(str, JPEGLSTransferSyntaxes), _jpeg_ls),
    **dict.fromkeys(map(str, JPEG2000TransferSyntaxes), _jpeg_2000),
}
CLEANED_SYNTAXES = frozenset(_CLEANERS)
"""Transfer syntaxes of frames that can be cleaned without decoding them."""
