"""Gzip and zlib streams of voxels (RFC 1952, 1950): unpacked and verified a chunk at a time.

Such a stream cannot be read from its middle. It is inflated once, into a file without a name, which
the system deletes even after a kill.
"""

import gzip
import tempfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from imaging.counted import counted
from imaging.errors import UnreadableScan
from imaging.formats.atomic import raising_storage_full

SIGNATURE = b"\x1f\x8b"
"""How a gzip stream begins (RFC 1952, 2.3.1)."""
DEFLATE_RATIO = 1032
"""A deflate stream grows at most this many times (258 bytes from two bits; RFC 1951, 3.2.5)."""
_ANY_STREAM = 47
"""zlib's number for a gzip or zlib stream of any window size."""
_CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 1 << 16
_PADDING_BYTES = 1 << 20
"""Bytes after the last voxel that are tolerated as padding."""

Truncated = Callable[[], UnreadableScan]
"""Makes the error for a stream that is damaged or holds fewer bytes than the header promises."""


def damaged() -> UnreadableScan:
    """The error for a stream of which no more is known."""
    return UnreadableScan(
        "The compressed stream is cut off or damaged.",
        expected="A complete gzip stream, as in a .nii.gz file.",
        hint="Copy or export the scan again.",
    )


def head(path: Path, size: int) -> bytes:
    """The first `size` bytes of the stream, decompressed; raises UnreadableScan."""
    start = b""
    for chunk in _chunks(path, 0, size, damaged, size):
        start += chunk
        if len(start) >= size:
            break
    return start[:size]


def head_of(start: bytes, size: int) -> bytes:
    """The first `size` bytes of a stream of which only the beginning is known."""
    return zlib.decompressobj(_ANY_STREAM).decompress(start, size)


def inflated(
    path: Path, offset: int, size: int, scratch: Path | None, truncated: Truncated
) -> IO[bytes]:
    """A file without a name, in `scratch`, with exactly `size` bytes of the decompressed stream.

    The stream begins at byte `offset` of the file at `path`.
    """
    left = size
    with raising_storage_full(), ExitStack() as on_error:
        file = on_error.enter_context(tempfile.TemporaryFile(dir=scratch))
        for chunk in _chunks(path, offset, size, truncated):
            file.write(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
        if left > 0:
            raise truncated()
        file.flush()
        on_error.pop_all()
        return file


@contextmanager
def packing(
    file: IO[bytes], *, compress: bool, level: int = 4
) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Where to write what follows in `file`: a gzip stream without name and time, or the file."""
    if not compress:
        yield file
        return
    with gzip.GzipFile("", "wb", level, file, mtime=0) as packed:
        yield packed


def verify(path: Path, offset: int, size: int, truncated: Truncated) -> int:
    """Reads the stream to its end, a chunk at a time, so that its checksum is verified.

    Returns the number of bytes after the stream that do not belong to it. Raises as `verified`.
    """
    chunks = verified(path, offset, size, truncated)
    while True:
        try:
            next(chunks)
        except StopIteration as end:
            return int(end.value)


def verified(
    path: Path, offset: int, size: int, truncated: Truncated = damaged
) -> Generator[bytes, None, int]:
    """The decompressed stream in chunks, to its end; returns the bytes that follow the stream.

    Raises UnreadableScan where it is damaged or holds fewer than `size` bytes, and as soon as it is
    clear that it holds more.
    """
    seen, chunks = 0, _chunks(path, offset, size, truncated)
    while True:
        try:
            chunk = next(chunks)
        except StopIteration as end:
            if seen < size:
                raise truncated() from None
            return int(end.value)
        seen += len(chunk)
        if seen > size + _PADDING_BYTES:
            raise UnreadableScan(
                "The compressed stream is longer than its header promises.",
                expected=f"About {size:,} bytes once decompressed.",
                hint="Save the scan again with a tool that writes a valid file.",
            )
        yield chunk


def trailing_warning(count: int) -> tuple[str, ...]:
    """The warning about bytes after the voxels; none for 0."""
    if not count:
        return ()
    one, many = "byte after its end. It is", "bytes after its end. They are"
    return (f"The file holds {counted(count, one, many)} not read.",)


def _chunks(
    path: Path, offset: int, size: int, truncated: Truncated, step: int = _CHUNK_BYTES
) -> Generator[bytes, None, int]:
    """The decompressed members, one after the other; returns the bytes that follow the last one.

    Zeros after a member are padding. What begins after `size` bytes and is no sound member is data
    that follows the stream, as for `gzip -d`.
    """
    with path.open("rb") as packed:
        packed.seek(offset)
        seen, rest = 0, b""
        while True:
            begin, needed = packed.tell() - len(rest), seen < size
            member = _Member(packed, rest, step)
            try:
                for chunk in member:
                    seen += len(chunk)
                    yield chunk
            except (EOFError, zlib.error) as error:
                if needed:
                    raise truncated() from error
                return path.stat().st_size - begin
            rest = _without_padding(packed, member.rest)
            if not rest.startswith(SIGNATURE):
                return path.stat().st_size - packed.tell() + len(rest)


class _Member:
    """One member of a stream (RFC 1952, 2.2), whose checksum is verified at its end."""

    def __init__(self, packed: IO[bytes], rest: bytes, step: int) -> None:
        """`rest`: bytes that have been read from `packed`, and belong to this member."""
        self._packed, self._step = packed, step
        self.rest = rest
        """After the last chunk: bytes that have been read, but follow the member."""

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of at most `step` bytes; raises EOFError or zlib.error."""
        inflater = zlib.decompressobj(_ANY_STREAM)
        while not inflater.eof:
            data = self.rest or self._packed.read(_PACKED_BYTES)
            chunk = inflater.decompress(data, self._step)
            self.rest = inflater.unconsumed_tail
            if chunk:
                yield chunk
            elif not data:
                raise EOFError
        self.rest = inflater.unused_data


def _without_padding(packed: IO[bytes], rest: bytes) -> bytes:
    """At least two bytes after zeros, where the file has as many."""
    while not (rest := rest.lstrip(b"\0")) or len(rest) < len(SIGNATURE):
        more = packed.read(_PACKED_BYTES)
        if not more:
            break
        rest += more
    return rest
