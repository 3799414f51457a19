"""Removes everything from a JPEG stream that is not needed to decode it (ITU-T T.81, annex B)."""

from pathlib import Path

from imaging.formats.atomic import replacing
from imaging.formats.jpeg.segments import segments

_APP0, _APP14 = 0xE0, 0xEE
_DECODED = frozenset((*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD))
"""Frame headers, tables of the entropy coder and of quantisation, scan headers, number of lines,
restart intervals (table B.1)."""
_START, _END = b"\xff\xd8", b"\xff\xd9"
_JFIF_BYTES, _ADOBE_BYTES = 14, 12


def without_metadata(stream: bytes) -> bytes:
    """The stream without comments, application data, thumbnails and bytes after its end.

    The markers of JFIF and Adobe stay, because decoders choose the colour space by them. Raises
    UnreadableScan for a stream that is damaged.
    """
    kept = (_kept(marker, body) + data for marker, body, data in segments(stream))
    return b"".join((_START, *kept, _END))


def deidentify_jpeg(path: Path, target: Path) -> None:
    """Writes the JPEG at `path` to `target` without its metadata; the pixels stay as they are."""
    stream = without_metadata(path.read_bytes())
    with replacing(target) as file:
        file.write(stream)


def _kept(marker: int, body: bytes) -> bytes:
    """A marker segment, shortened or empty where it may hold metadata."""
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        body = body[: _JFIF_BYTES - 2] + b"\0\0"  # a thumbnail of 0 x 0 pixels
    elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        body = body[:_ADOBE_BYTES]
    elif marker not in _DECODED:
        return b""
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
