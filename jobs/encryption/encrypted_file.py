"""An encrypted file that is read from any place."""

import io
from collections.abc import Callable
from typing import Any

from jobs.encryption.block_cipher import (
    HEADER_BYTES,
    TAG_BYTES,
    BlockCipher,
    Header,
    blocks_of,
    plain_size,
)
from jobs.encryption.data_key import DataKey


class EncryptedFile(io.RawIOBase):
    """The content of an encrypted file; reads decrypt only the blocks in which they fall.

    It keeps the last block, so that small reads in sequence decrypt each block once.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        size: int,
        key_of: Callable[[bytes], DataKey],
        name: str,
    ) -> None:
        """`read_at`: bytes of the encrypted file, from an offset, a number of them; `size`: all of
        its bytes; `key_of`: the data key with an id.

        Verifies the last block, and with it the size. Raises DamagedFile, as reads do.
        """
        super().__init__()
        self._read_at = read_at
        self._blocks, self.size = blocks_of(size), plain_size(size)
        header = Header.parse(read_at(0, HEADER_BYTES))
        self.key_id = header.key_id
        self._cipher = BlockCipher(key_of(header.key_id), header, name)
        self._block_bytes = header.block_bytes
        self._position = 0
        self._index = self._blocks - 1
        self._block = self._decrypted(self._index)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("The position is before the start of the file.")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Reads to the end of the block at most; raises DamagedFile."""
        if self._position >= self.size:
            return 0
        index, offset = divmod(self._position, self._block_bytes)
        if index != self._index:
            self._block, self._index = self._decrypted(index), index
        piece = memoryview(self._block)[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _decrypted(self, index: int) -> bytes:
        size = self._block_bytes + TAG_BYTES
        block = self._read_at(HEADER_BYTES + index * size, size)
        return self._cipher.decrypt(index, block, last=index == self._blocks - 1)
