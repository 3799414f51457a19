"""Encrypts and decrypts files from their first byte to the last, in flat memory."""

from collections.abc import Callable, Iterable, Iterator

from jobs.encryption.block_cipher import (
    BLOCK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    BlockCipher,
    Header,
)
from jobs.encryption.data_key import DataKey


def encrypted(chunks: Iterable[bytes], key: DataKey, name: str) -> Iterator[bytes]:
    """The encrypted file `name` with this content: its header, then its blocks."""
    header = Header.new(key)
    cipher = BlockCipher(key, header, name)
    yield header.pack()
    held, index = b"", 0
    for block in _pieces(chunks, BLOCK_BYTES):
        if held:
            yield cipher.encrypt(index, held, last=False)
            index += 1
        held = block
    yield cipher.encrypt(index, held, last=True)


def decrypted(
    chunks: Iterable[bytes], key_of: Callable[[bytes], DataKey], name: str
) -> Iterator[bytes]:
    """The content of the encrypted file `name`, block by block; each block is verified first.

    `key_of`: the data key with an id. Raises DamagedFile, also for a file that was truncated, in
    the place of its last block.
    """
    pieces = _Pieces(iter(chunks))
    header = Header.parse(pieces.read(HEADER_BYTES))
    cipher = BlockCipher(key_of(header.key_id), header, name)
    size, index = header.block_bytes + TAG_BYTES, 0
    block = pieces.read(size)
    while following := pieces.read(size):
        yield cipher.decrypt(index, block, last=False)
        block, index = following, index + 1
    yield cipher.decrypt(index, block, last=True)


class _Pieces:
    """Reads chunks of any size in pieces of other sizes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end."""
        while len(self._held) < size and (chunk := next(self._chunks, None)) is not None:
            self._held += chunk
        piece = bytes(memoryview(self._held)[:size])
        del self._held[:size]
        return piece


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """All bytes of the chunks in pieces of `size` bytes; the last one may be shorter."""
    pieces = _Pieces(iter(chunks))
    while piece := pieces.read(size):
        yield piece
