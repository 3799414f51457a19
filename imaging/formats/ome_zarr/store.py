"""A Zarr store whose chunks are checked before they are decompressed.

Codecs trust the header of a chunk: a few bytes may request gigabytes, and Blosc reads beyond the
end of a truncated chunk. Each chunk is therefore checked first: its header, or decompressing it
into a buffer of limited size, must show that it has exactly the size of a chunk.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import imagecodecs
from zarr.abc.store import ByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore, ZipStore

from imaging.formats.archive import entries

_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_METADATA_BYTES = 1 << 22
_SLACK = 1 << 10
"""Bytes that a compressed chunk may be longer than 9/8 of an uncompressed one."""
_GZIP_OR_ZLIB = 47
"""zlib's number for a gzip or zlib stream of any window size."""
_CHECKSUM_BYTES = 4
_INDEX_ENTRY_BYTES = 16
"""Bytes of a chunk's entry in a shard's index: offset and length (Zarr 3, sharding codec 1.0)."""
_ABSENT = 2**64 - 1
"""Offset of a chunk that a shard does not hold."""

SizeCheck = Callable[[bytes, int], bool]
"""(compressed chunk, expected bytes) -> whether the chunk decompresses to that many bytes."""


class InvalidChunk(Exception):
    """A chunk, or an entry of a zip, does not have the size that it should have."""


class CheckedStore(WrapperStore[LocalStore | ZipStore]):
    """A read-only folder or zip."""

    def __init__(
        self, store: LocalStore | ZipStore, sizes: Mapping[str, int] | None = None
    ) -> None:
        """`sizes`: uncompressed bytes of each entry of a zip."""
        super().__init__(store)
        self.sizes = sizes or {}
        self.checks: ChunkChecks | None = None
        """Checks of each chunk; set once the array is known."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes at `key`, or a range of them; None where the key does not exist.

        Raises InvalidChunk for bytes that are not a chunk, before they are read where their number
        shows it.
        """
        checks = None if key.rpartition("/")[2] in _METADATA else self.checks
        if checks is not None:
            checks.request(byte_range, self.sizes.get(key, 0))
        value = await super().get(key, prototype, byte_range)
        if value is not None and checks is not None:
            if byte_range is None:
                checks.entry(value.to_bytes())
            elif isinstance(byte_range, RangeByteRequest):
                checks.chunk(value.to_bytes())
        return value


def checked_store(path: Path) -> CheckedStore:
    """The store at `path`; raises InvalidChunk for a zip with oversized metadata."""
    if path.is_dir():
        return CheckedStore(LocalStore(path, read_only=True))
    sizes = entries(path)
    for name, size in sizes.items():
        if name.rpartition("/")[2] in _METADATA and size > _METADATA_BYTES:
            raise InvalidChunk
    return CheckedStore(ZipStore(path, mode="r"), sizes)


@dataclass(frozen=True, slots=True)
class ChunkChecks:
    """The checks of each chunk of an array."""

    size: int
    """Bytes of an uncompressed chunk."""
    has_size: SizeCheck
    trailer: int
    """Bytes of the checksum after a compressed chunk."""
    in_shard: int
    """Chunks in a shard; 0 without shards."""

    @property
    def _max_compressed(self) -> int:
        """Most bytes of a compressed chunk."""
        return self.size + self.size // 8 + _SLACK + self.trailer

    def request(self, byte_range: ByteRequest | None, size: int) -> None:
        """Raises InvalidChunk for a request of more bytes than a chunk, shard or index can have.

        `size`: bytes of the whole entry, if known.
        """
        index = _INDEX_ENTRY_BYTES * self.in_shard + _CHECKSUM_BYTES
        if byte_range is None:
            most = self._max_compressed * max(1, self.in_shard) + (index if self.in_shard else 0)
        elif isinstance(byte_range, RangeByteRequest):
            most, size = self._max_compressed, byte_range.end - byte_range.start
        elif isinstance(byte_range, SuffixByteRequest):
            most, size = index, byte_range.suffix
        else:
            raise InvalidChunk
        if not 0 <= size <= most:
            raise InvalidChunk

    def entry(self, data: bytes) -> None:
        """Raises InvalidChunk for data that is neither a chunk nor a shard of chunks."""
        if not self.in_shard:
            return self.chunk(data)
        index = data[-(_INDEX_ENTRY_BYTES * self.in_shard + _CHECKSUM_BYTES) : -_CHECKSUM_BYTES]
        for at in range(0, len(index), _INDEX_ENTRY_BYTES):
            offset, count = (int.from_bytes(index[n : n + 8], "little") for n in (at, at + 8))
            if offset != _ABSENT:
                self.chunk(data[offset : offset + count])
        return None

    def chunk(self, data: bytes) -> None:
        """Raises InvalidChunk for data that does not decompress to the size of a chunk."""
        compressed = data[: len(data) - self.trailer]
        if len(data) > self._max_compressed or not self.has_size(compressed, self.size):
            raise InvalidChunk


def chunk_checks(array: Any) -> ChunkChecks | None:
    """The checks of the chunks of `array`; None where its codecs are not supported."""
    names = [_name(codec) for codec in array.compressors]
    checksum = names[-1:] == ["crc32c"]
    has_size = _SIZE_CHECKS.get("".join(names[: len(names) - checksum]))
    in_shard = 0
    pipeline = getattr(array.metadata, "codecs", ())
    sharded = any(_name(codec) == "sharding_indexed" for codec in pipeline)
    if array.serializer is not None and _name(array.serializer) != "bytes":
        return None  # nested shards, and any other way to turn values into bytes
    if sharded and (len(pipeline) > 1 or array.shards is None):
        return None
    if array.shards is not None:
        shard = array.metadata.codecs[0].to_dict()["configuration"]
        ends = [codec["name"] for codec in shard["index_codecs"]]
        if ends != ["bytes", "crc32c"] or shard["index_location"] != "end":
            return None
        in_shard = prod(array.shards) // prod(array.chunks)
    if array.filters or has_size is None:
        return None
    size = prod(array.chunks) * array.dtype.itemsize
    return ChunkChecks(size, has_size, _CHECKSUM_BYTES if checksum else 0, in_shard)


def _name(codec: Any) -> str:
    config: Mapping[str, Any] = codec.get_config() if hasattr(codec, "get_config") else {}
    return str(config.get("id") or codec.to_dict()["name"])


def _blosc(data: bytes, size: int) -> bool:
    """By its header: uncompressed bytes at 4, compressed bytes at 12 (Blosc 1 chunk format)."""
    uncompressed, compressed = (int.from_bytes(data[at : at + 4], "little") for at in (4, 12))
    return len(data) >= 16 and uncompressed == size and compressed == len(data)


def _zstd(data: bytes, size: int) -> bool:
    """By decompressing it into a buffer of that size: a frame need not state its size."""
    try:
        return len(imagecodecs.zstd_decode(data, out=size)) == size
    except imagecodecs.ZstdError:
        return False


def _deflate(data: bytes, size: int) -> bool:
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    return len(stream.decompress(data, size + 1)) == size and not stream.unused_data


_SIZE_CHECKS: Mapping[str, SizeCheck] = {
    "": lambda data, size: len(data) == size,
    "blosc": _blosc,
    "zstd": _zstd,
    "gzip": _deflate,
    "zlib": _deflate,
}
