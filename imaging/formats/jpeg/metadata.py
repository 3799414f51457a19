"""Removes everything from a JPEG stream that is not needed to decode it (ITU-T T.81, annex B)."""

from collections.abc import Iterator
from pathlib import Path

from imaging.formats.atomic import replacing
from imaging.formats.raster import damaged

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _APP14 = 0xE0, 0xEE
_DECODED = frozenset((*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD))
"""Frame headers, tables of the entropy coder and of quantisation, scan headers, number of lines,
restart intervals (table B.1)."""
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length: TEM and RST0 to RST7."""
_FILL = 0xFF
_JFIF_BYTES, _ADOBE_BYTES = 14, 12


def without_metadata(stream: bytes) -> bytes:
    """The stream without comments, application data, thumbnails and bytes after its end.

    The markers of JFIF and Adobe stay, because decoders choose the colour space by them. Raises
    UnreadableScan for a stream that is damaged.
    """
    return b"".join(_kept(stream))


def deidentify_jpeg(path: Path, target: Path) -> None:
    """Writes the JPEG at `path` to `target` without its metadata; the pixels stay as they are."""
    stream = without_metadata(path.read_bytes())
    with replacing(target) as file:
        file.write(stream)


def _kept(stream: bytes) -> Iterator[bytes]:
    if stream[:2] != bytes((_FILL, _START)):
        raise damaged("The JPEG stream has no beginning.")
    yield stream[:2]
    at = 2
    while True:
        marker, at = _marker(stream, at)
        if marker == _END:
            yield bytes((_FILL, _END))
            return
        if marker in _ALONE:
            continue
        body = stream[at : at + int.from_bytes(stream[at : at + 2], "big")]
        if len(body) < 2:
            raise damaged("The JPEG stream is cut off.")
        at += len(body)
        yield _segment(marker, body[2:])
        if marker == _SCAN:
            stop = _end_of_scan(stream, at)
            yield stream[at:stop]
            at = stop


def _marker(stream: bytes, at: int) -> tuple[int, int]:
    """The next marker, and where it ends."""
    if at >= len(stream) or stream[at] != _FILL:
        raise damaged("The JPEG stream is cut off or damaged.")
    while at < len(stream) and stream[at] == _FILL:
        at += 1
    if at >= len(stream):
        raise damaged("The JPEG stream is cut off.")
    return stream[at], at + 1


def _segment(marker: int, body: bytes) -> bytes:
    """A marker segment, shortened or empty where it may hold metadata."""
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        body = body[: _JFIF_BYTES - 2] + b"\0\0"  # a thumbnail of 0 x 0 pixels
    elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        body = body[:_ADOBE_BYTES]
    elif marker not in _DECODED:
        return b""
    return bytes((_FILL, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _end_of_scan(stream: bytes, at: int) -> int:
    """Where the entropy-coded data that begin at `at` end: before the next marker."""
    while True:
        at = stream.find(_FILL, at)
        if at < 0 or at + 1 >= len(stream):
            raise damaged("The JPEG stream is cut off.")
        if stream[at + 1] != 0 and stream[at + 1] not in _ALONE and stream[at + 1] != _FILL:
            return at
        at += 1 if stream[at + 1] == _FILL else 2
