"""The voxels of a NIfTI file, read by region.

A gzip stream cannot be read from its middle: it is inflated once, at the first read, into a file
without a name, which the system takes back even after a kill. An uncompressed file is mapped.
"""

import contextlib
import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats.atomic import raising_storage_full
from imaging.formats.nifti_header import Header
from imaging.lazy import lazy

_CHUNK = 1 << 20
_PADDING = 1 << 20
"""Bytes after the last voxel that pass as padding."""


class Voxels:
    """Box -> (1, i, j, k) values, slope and intercept applied; the reader of a NIfTI scan."""

    def __init__(self, path: Path, header: Header, scratch: Path | None, *, gzipped: bool) -> None:
        self.header = header
        self._path = path
        self._scratch = scratch
        self._gzipped = gzipped
        self._stored = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        header = self.header
        if not header.scaled:
            return np.array(stored, header.dtype)[np.newaxis]
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float64) * header.slope + header.intercept
            return values.astype(header.dtype)[np.newaxis]

    def _map(self) -> NDArray[Any]:
        header = self.header
        source = self._inflated() if self._gzipped else self._path.open("rb")
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, header.stored, "r", header.offset, header.grid, order="F"
            )
        return mapped

    def _inflated(self) -> IO[bytes]:
        """An anonymous file with what the header promises and not a byte more."""
        with raising_storage_full(), contextlib.ExitStack() as on_error:
            file = on_error.enter_context(tempfile.TemporaryFile(dir=self._scratch))
            with self._path.open("rb") as packed:
                _copy(unpack(packed), file, self.header.file_bytes)
            file.flush()
            on_error.pop_all()
            return file


def _copy(chunks: Iterator[bytes], file: IO[bytes], size: int) -> None:
    left = size
    for chunk in chunks:
        file.write(chunk[:left])
        left -= len(chunk)
        if left <= 0:
            return
    raise cut_off()


def unpack(packed: IO[bytes]) -> Iterator[bytes]:
    """Chunks of a gzip stream, decompressed; raises UnreadableScan where it is damaged."""
    try:
        with gzip.GzipFile(fileobj=packed) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise cut_off() from error


def prove_stream(path: Path, promised: int) -> None:
    """Reads a gzip stream to its end, a chunk at a time, so that its checksum is proved.

    Raises UnreadableScan where it holds fewer than `promised` bytes or is damaged, and, as soon as
    that is seen, where it goes on beyond them.
    """
    seen = 0
    with path.open("rb") as packed:
        for chunk in unpack(packed):
            seen += len(chunk)
            if seen > promised + _PADDING:
                raise UnreadableScan(
                    "The compressed stream goes on beyond what its header promises.",
                    expected=f"About {promised:,} bytes once decompressed.",
                    hint="Save the scan again with a tool that writes a sound .nii.gz.",
                )
    if seen < promised:
        raise cut_off()


def cut_off() -> UnreadableScan:
    """The error for a file that ends, or breaks, before its last voxel."""
    return UnreadableScan(
        "The file is cut off or damaged: it holds fewer voxels than its header promises.",
        expected="A whole NIfTI file, .nii or .nii.gz.",
        hint="Copy or export the scan again; compare the file's size with the original's.",
    )
