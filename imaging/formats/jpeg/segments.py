"""The marker segments of a JPEG stream (ITU-T T.81, annex B), up to the end of the image."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from imaging.formats.raster import damaged

START = b"\xff\xd8"
_END, _SCAN, _FILL = 0xD9, 0xDA, 0xFF
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length: TEM, RST0 to RST7 and SOI."""
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
"""Decoders skip bytes between two segments, and so does a search."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\x01\xd0-\xd7]", re.DOTALL)
"""In entropy-coded data: no stuffed zero and no restart (B.1.1.5). With `\xff+`, the search would
take half as long as decoding."""


class Segment(NamedTuple):
    """A marker segment."""

    marker: int
    body: bytes
    """After its length."""
    data: bytes
    """The entropy-coded data after the header of a scan; else empty."""


def segments(stream: bytes) -> Iterator[Segment]:
    """All marker segments of a stream, without the markers of its start and end.

    Raises UnreadableScan for a stream that has no end: it is cut off.
    """
    if not stream.startswith(START):
        raise damaged("The JPEG stream has no beginning.")
    at = len(START)
    while True:
        match = _MARKER.search(stream, at)
        if match is None:
            raise damaged("The JPEG stream is cut off.")
        marker, at = match[1][0], match.end()
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(stream[at : at + 2], "big")
        body = stream[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise damaged("The JPEG stream is cut off or damaged.")
        at += length
        stop = _end_of_scan(stream, at) if marker == _SCAN else at
        yield Segment(marker, body, stream[at:stop])
        at = stop


def _end_of_scan(stream: bytes, at: int) -> int:
    """Where the entropy-coded data that begin at `at` end: before the next marker."""
    match = _AFTER_SCAN.search(stream, at)
    if match is None:
        raise damaged("The JPEG stream is cut off.")
    stop = match.start()
    while stop > at and stream[stop - 1] == _FILL:
        stop -= 1
    return stop
