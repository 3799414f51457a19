"""Gzip streams of voxels (RFC 1952): unpacked and verified a chunk at a time.

A gzip stream cannot be read from its middle. It is inflated once, into a file without a name, which
the system deletes even after a kill.
"""

import gzip
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from imaging.errors import UnreadableScan
from imaging.formats.atomic import raising_storage_full

SIGNATURE = b"\x1f\x8b"
"""How a gzip stream begins (RFC 1952, 2.3.1)."""
DEFLATE_RATIO = 1032
"""A deflate stream grows at most this many times (258 bytes from two bits; RFC 1951, 3.2.5)."""
_ANY_WINDOW = 31
"""zlib's number for a gzip stream of any window size."""
_CHUNK_BYTES = 1 << 20
_PADDING_BYTES = 1 << 20
"""Bytes after the last voxel that are tolerated as padding."""

Truncated = Callable[[], UnreadableScan]
"""Makes the error for a stream that is damaged or holds fewer bytes than the header promises."""


def head(path: Path, size: int) -> bytes:
    """The first `size` bytes of the stream, decompressed; raises UnreadableScan."""
    try:
        with gzip.open(path) as stream:
            return stream.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableScan(
            "The compressed stream is cut off or damaged.",
            expected="A complete gzip stream, as in a .nii.gz file.",
            hint="Copy or export the scan again.",
        ) from error


def head_of(start: bytes, size: int) -> bytes:
    """The first `size` bytes of a stream of which only the beginning is known."""
    return zlib.decompressobj(_ANY_WINDOW).decompress(start, size)


def inflated(
    path: Path, offset: int, size: int, scratch: Path | None, truncated: Truncated
) -> IO[bytes]:
    """A file without a name, in `scratch`, with exactly `size` bytes of the decompressed stream.

    The stream begins at byte `offset` of the file at `path`.
    """
    left = size
    with raising_storage_full(), ExitStack() as on_error:
        file = on_error.enter_context(tempfile.TemporaryFile(dir=scratch))
        for chunk in _chunks(path, offset, truncated):
            file.write(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
        if left > 0:
            raise truncated()
        file.flush()
        on_error.pop_all()
        return file


def verify(path: Path, offset: int, size: int, truncated: Truncated) -> None:
    """Reads the stream to its end, a chunk at a time, so that its checksum is verified.

    Raises UnreadableScan where it is damaged or holds fewer than `size` bytes, and as soon as it is
    clear that it holds more.
    """
    seen = 0
    for chunk in _chunks(path, offset, truncated):
        seen += len(chunk)
        if seen > size + _PADDING_BYTES:
            raise UnreadableScan(
                "The compressed stream is longer than its header promises.",
                expected=f"About {size:,} bytes once decompressed.",
                hint="Save the scan again with a tool that writes a valid file.",
            )
    if seen < size:
        raise truncated()


def _chunks(path: Path, offset: int, truncated: Truncated) -> Iterator[bytes]:
    with path.open("rb") as packed:
        packed.seek(offset)
        try:
            with gzip.GzipFile(fileobj=packed) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise truncated() from error
