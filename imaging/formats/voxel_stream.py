"""Voxels as most volume formats store them: one array, as it is or in a compressed stream."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats import gzip_stream
from imaging.formats.atomic import raising_storage_full
from imaging.formats.scan_part import common_folder
from imaging.formats.voxel_blocks import slice_reader
from imaging.lazy import lazy

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class VoxelStream:
    """Where the voxels of a file are, and of which type."""

    path: Path
    stored: np.dtype[Any]
    """The type of the voxels, in the file's byte order."""
    sizes: tuple[int, ...]
    """Lengths of the array's axes; the first varies fastest."""
    offset: int
    """Bytes of the file before the voxels, or before the stream that holds them."""
    compressed: bool
    """Whether they are in a gzip or zlib stream."""
    truncated: gzip_stream.Truncated
    skip: int = 0
    """Bytes of the decompressed stream before the voxels; 0 where there is no stream."""

    @property
    def voxel_bytes(self) -> int:
        """Of the whole array."""
        return prod(self.sizes) * self.stored.itemsize

    @property
    def stream_bytes(self) -> int:
        """Bytes that the file must hold from `offset` on, once decompressed."""
        return self.skip + self.voxel_bytes

    def check_size(self) -> int:
        """The bytes of the file from `offset` on.

        Raises UnreadableScan where the file is too small, as far as its size shows it.
        """
        ratio = gzip_stream.DEFLATE_RATIO if self.compressed else 1
        size = self.path.stat().st_size - self.offset
        if size * ratio < self.stream_bytes:
            raise self.truncated()
        return size

    def verify(self) -> int:
        """Verifies that every voxel is present; returns the number of bytes after them.

        Holds one chunk at a time. Raises UnreadableScan.
        """
        size = self.check_size()
        if self.compressed:
            return gzip_stream.verify(self.path, self.offset, self.stream_bytes, self.truncated)
        return size - self.voxel_bytes

    def blocks(self) -> Iterator[bytes]:
        """The bytes of the voxels in the file's order, in chunks, without what follows them.

        A stream is verified to its end. Raises UnreadableScan.
        """
        self.check_size()
        if self.compressed:
            source: Iterator[bytes] = gzip_stream.verified(
                self.path, self.offset, self.stream_bytes, self.truncated
            )
        else:
            source = _file_chunks(self.path, self.offset, self.voxel_bytes)
        begin, stop = self.skip, self.stream_bytes
        for chunk in source:
            yield chunk[max(0, begin) : max(0, stop)]
            begin, stop = begin - len(chunk), stop - len(chunk)

    @contextmanager
    def unpacked(self, folder: Path) -> Iterator["VoxelStream"]:
        """The same voxels, verified and uncompressed: the file itself, or one in `folder`.

        A stream is decompressed once and verified to its end. Raises UnreadableScan.
        """
        if not self.compressed:
            self.check_size()
            yield self
            return
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            with raising_storage_full():
                file.writelines(self.blocks())
                file.flush()
            yield replace(self, path=Path(file.name), offset=0, compressed=False, skip=0)

    def mapped(self, scratch: Path | None) -> NDArray[Any]:
        """The array, of shape `sizes`; a stream is inflated into `scratch` first."""
        offset = self.offset
        if self.compressed:
            size = self.stream_bytes
            source = gzip_stream.inflated(self.path, offset, size, scratch, self.truncated)
            offset = self.skip
        else:
            source = self.path.open("rb")
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, self.stored, "r", offset, self.sizes, order="F"
            )
        return mapped


def _file_chunks(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while size > 0 and (chunk := file.read(min(size, _CHUNK_BYTES))):
            size -= len(chunk)
            yield chunk


class StreamVoxels:
    """The reader of a scan: box -> (1, i, j, k) values; maps the array at the first read."""

    def __init__(
        self, stream: VoxelStream, scratch: Path | None, fixed: Sequence[tuple[int, int]] = ()
    ) -> None:
        """`fixed`: pairs of an axis that is not in space, and the place along it."""
        self._stream, self._scratch, self._fixed = stream, scratch, fixed
        self._volume = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._volume()[box.slices]
        return np.array(stored, self._stream.stored.newbyteorder("="))[np.newaxis]

    def _map(self) -> NDArray[Any]:
        array = self._stream.mapped(self._scratch)
        where: list[slice | int] = [slice(None)] * array.ndim
        for axis, place in self._fixed:
            where[axis] = place
        return array[tuple(where)]


class StreamHeader(Protocol):
    """The header of a file with several volumes in one stream; a dataclass."""

    @property
    def stream(self) -> VoxelStream:
        """All volumes."""

    @property
    def grid(self) -> tuple[int, ...]:
        """The shape of one volume."""


Header = TypeVar("Header", bound=StreamHeader)


def extract_volumes(
    header: Header,
    targets: Mapping[int, Path],
    voxels: Callable[[Header, Path | None, int], Callable[[Box], NDArray[Any]]],
    write: Callable[..., None],
    place: Any,
) -> None:
    """Writes volumes as files of their own: number, from 1 -> target. The file is read once.

    `voxels`: makes the reader of a volume from the header, a scratch folder and the volume's index.
    `write`: (target, reader of slices, grid, type, place, compress=...) writes it; `place` is its
    position, as the format states it.
    A compressed stream is verified to its end, and the volumes are compressed again. Raises
    UnreadableScan.
    """
    grid, compress = header.grid, header.stream.compressed
    with header.stream.unpacked(common_folder(targets)) as stream:
        plain = replace(header, stream=stream)  # type: ignore[type-var]
        for number, target in targets.items():
            read = slice_reader(voxels(plain, None, number - 1), grid)
            write(target, read, grid, stream.stored, place, compress=compress)
