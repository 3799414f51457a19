"""A Zarr store whose chunks are looked at before they are unpacked.

Codecs trust what a chunk says of itself: a few bytes may ask for gigabytes, and Blosc reads beyond
a chunk that is cut off. So each chunk must say, or prove, that it unpacks to a chunk's bytes.
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
"""What a packed chunk may be longer than an unpacked one, beside an eighth of it."""
_GZIP_OR_ZLIB = 47
"""zlib's word for a stream of either kind, of any window."""


_CHECKSUM_BYTES = 4
_PLACE_BYTES = 16
"""Of a chunk in a shard's index: offset and length (Zarr 3, sharding codec 1.0)."""
_ABSENT = 2**64 - 1

Proof = Callable[[bytes, int], bool]
"""(packed chunk, bytes that it should unpack to) -> whether it does."""


class Unsound(Exception):
    """A chunk, or an entry of a zip, is not what it should be."""


class CheckedStore(WrapperStore[LocalStore | ZipStore]):
    """A folder, or a zip, that is only read."""

    def __init__(
        self, store: LocalStore | ZipStore, sizes: Mapping[str, int] | None = None
    ) -> None:
        """`sizes`: what each entry of a zip unpacks to."""
        super().__init__(store)
        self.sizes = sizes or {}
        self.checks: Checks | None = None
        """Of each chunk; set once the array is known."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes at `key`, or a range of them; None where there are none.

        Raises Unsound, before they are read where their number tells, for what is no chunk.
        """
        checks = None if key.rpartition("/")[2] in _METADATA else self.checks
        if checks is not None:
            checks.asked(byte_range, self.sizes.get(key, 0))
        found = await super().get(key, prototype, byte_range)
        if found is not None and checks is not None:
            if byte_range is None:
                checks.entry(found.to_bytes())
            elif isinstance(byte_range, RangeByteRequest):
                checks.chunk(found.to_bytes())
        return found


def checked_store(path: Path) -> CheckedStore:
    """The store at `path`; raises Unsound for a zip of absurd metadata."""
    if path.is_dir():
        return CheckedStore(LocalStore(path, read_only=True))
    sizes = entries(path)
    for name, size in sizes.items():
        if name.rpartition("/")[2] in _METADATA and size > _METADATA_BYTES:
            raise Unsound
    return CheckedStore(ZipStore(path, mode="r"), sizes)


@dataclass(frozen=True, slots=True)
class Checks:
    """What each chunk of an array must be."""

    size: int
    """Bytes of an unpacked chunk."""
    prove: Proof
    trailer: int
    """Bytes of the checksum behind a packed chunk."""
    in_shard: int
    """Chunks in a shard; 0 where an entry of the store is one chunk."""

    @property
    def _packed(self) -> int:
        """The most bytes of a packed chunk."""
        return self.size + self.size // 8 + _SLACK + self.trailer

    def asked(self, byte_range: ByteRequest | None, size: int) -> None:
        """Raises Unsound before more is read than a chunk, a shard or its index can be.

        `size`: of the whole entry, where that is known.
        """
        index = _PLACE_BYTES * self.in_shard + _CHECKSUM_BYTES
        if byte_range is None:
            most = self._packed * max(1, self.in_shard) + (index if self.in_shard else 0)
        elif isinstance(byte_range, RangeByteRequest):
            most, size = self._packed, byte_range.end - byte_range.start
        elif isinstance(byte_range, SuffixByteRequest):
            most, size = index, byte_range.suffix
        else:
            raise Unsound
        if not 0 <= size <= most:
            raise Unsound

    def entry(self, data: bytes) -> None:
        """Raises Unsound for what is no chunk, or no shard of chunks."""
        if not self.in_shard:
            return self.chunk(data)
        index = data[-(_PLACE_BYTES * self.in_shard + _CHECKSUM_BYTES) : -_CHECKSUM_BYTES]
        for at in range(0, len(index), _PLACE_BYTES):
            offset, count = (int.from_bytes(index[n : n + 8], "little") for n in (at, at + 8))
            if offset != _ABSENT:
                self.chunk(data[offset : offset + count])
        return None

    def chunk(self, data: bytes) -> None:
        """Raises Unsound for what does not unpack to a chunk."""
        packed = data[: len(data) - self.trailer]
        if len(data) > self._packed or not self.prove(packed, self.size):
            raise Unsound


def checks(array: Any) -> Checks | None:
    """Those of `array`; None where it is packed in a way that nothing proves."""
    names = [_name(codec) for codec in array.compressors]
    checksum = names[-1:] == ["crc32c"]
    prove = _PROOFS.get("".join(names[: len(names) - checksum]))
    in_shard = 0
    pipeline = getattr(array.metadata, "codecs", ())
    sharded = any(_name(codec) == "sharding_indexed" for codec in pipeline)
    if array.serializer is not None and _name(array.serializer) != "bytes":
        return None  # shards in shards, and whatever else turns values into bytes
    if sharded and (len(pipeline) > 1 or array.shards is None):
        return None
    if array.shards is not None:
        shard = array.metadata.codecs[0].to_dict()["configuration"]
        ends = [codec["name"] for codec in shard["index_codecs"]]
        if ends != ["bytes", "crc32c"] or shard["index_location"] != "end":
            return None
        in_shard = prod(array.shards) // prod(array.chunks)
    if array.filters or prove is None:
        return None
    size = prod(array.chunks) * array.dtype.itemsize
    return Checks(size, prove, _CHECKSUM_BYTES if checksum else 0, in_shard)


def _name(codec: Any) -> str:
    told: Mapping[str, Any] = codec.get_config() if hasattr(codec, "get_config") else {}
    return str(told.get("id") or codec.to_dict()["name"])


def _blosc(data: bytes, size: int) -> bool:
    """By its header: bytes unpacked at 4, packed at 12 (Blosc 1's chunk format)."""
    unpacked, packed = (int.from_bytes(data[at : at + 4], "little") for at in (4, 12))
    return len(data) >= 16 and unpacked == size and packed == len(data)


def _zstd(data: bytes, size: int) -> bool:
    """By unpacking it into the room that it may take: a frame need not tell its size."""
    try:
        return len(imagecodecs.zstd_decode(data, out=size)) == size
    except imagecodecs.ZstdError:
        return False


def _deflate(data: bytes, size: int) -> bool:
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    return len(stream.decompress(data, size + 1)) == size and not stream.unused_data


_PROOFS: Mapping[str, Proof] = {
    "": lambda data, size: len(data) == size,
    "blosc": _blosc,
    "zstd": _zstd,
    "gzip": _deflate,
    "zlib": _deflate,
}
