"""The format of an encrypted file, and the cipher of its blocks.

    header, 64 bytes   "TSRBLOB", version (1 byte), id of the data key (16), salt (32),
                       bytes of a block (4, big-endian), zeros (4)
    blocks             AES-256-GCM: the encrypted bytes, then a tag of 16 bytes

All blocks but the last are of the size that the header states; the last one has 0 to as many bytes.
The key of a file is HKDF-SHA256 of the data key with the salt. A block's nonce is its index (11
bytes) and whether it is the last one (1 byte), and its associated data are the header and the name
of the file. So no block can be changed, swapped, repeated, left out or moved to another file
unnoticed, and no file be renamed or truncated. This is the construction STREAM (Hoang,
Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance,
CRYPTO 2015), as in Tink's AES-GCM-HKDF-Streaming. It can be decrypted from any block on.
"""

import secrets
import struct
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from imaging.errors import DamagedFile
from jobs.encryption.data_key import ID_BYTES, KEY_BYTES, DataKey

BLOCK_BYTES = 1 << 20
HEADER_BYTES = 64
TAG_BYTES = 16
_MAGIC = b"TSRBLOB\x01"
_SALT_BYTES = 32
_LAYOUT = struct.Struct(f">8s{ID_BYTES}s{_SALT_BYTES}sI4x")
_PURPOSE = b"tessera: key of a file"


@dataclass(frozen=True, slots=True)
class Header:
    """The start of an encrypted file."""

    key_id: bytes
    """Of the data key."""
    salt: bytes
    block_bytes: int = BLOCK_BYTES
    """Of all blocks but the last, before encryption."""

    @classmethod
    def new(cls, key: DataKey) -> Self:
        """Of a new file."""
        return cls(key.id, secrets.token_bytes(_SALT_BYTES))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises DamagedFile for anything else than a header of this version."""
        if len(data) != HEADER_BYTES or not data.startswith(_MAGIC):
            raise damaged()
        _, key_id, salt, block_bytes = _LAYOUT.unpack(data)
        if block_bytes != BLOCK_BYTES:  # version 1 has no other size
            raise damaged()
        return cls(key_id, salt, block_bytes)

    def pack(self) -> bytes:
        """The bytes in the file."""
        return _LAYOUT.pack(_MAGIC, self.key_id, self.salt, self.block_bytes)


class BlockCipher:
    """Encrypts and decrypts the blocks of one file."""

    def __init__(self, key: DataKey, header: Header, name: str) -> None:
        packed = header.pack()
        kdf = HKDF(SHA256(), length=KEY_BYTES, salt=header.salt, info=_PURPOSE)
        self._cipher = AESGCM(kdf.derive(key.secret))
        self._associated = packed + name.encode()

    def encrypt(self, index: int, block: bytes, *, last: bool) -> bytes:
        """The encrypted block with its tag."""
        return self._cipher.encrypt(_nonce(index, last), block, self._associated)

    def decrypt(self, index: int, block: bytes, *, last: bool) -> bytes:
        """Raises DamagedFile unless this is the block that was encrypted in this place."""
        try:
            return self._cipher.decrypt(_nonce(index, last), block, self._associated)
        except (InvalidTag, ValueError):
            raise damaged() from None


def blocks_of(size: int) -> int:
    """The number of blocks of an encrypted file of `size` bytes; raises DamagedFile."""
    content = size - HEADER_BYTES
    blocks = -(-content // (BLOCK_BYTES + TAG_BYTES))
    if blocks < 1 or content - (blocks - 1) * (BLOCK_BYTES + TAG_BYTES) < TAG_BYTES:
        raise damaged()
    return blocks


def plain_size(size: int) -> int:
    """Bytes of the content of an encrypted file of `size` bytes; raises DamagedFile."""
    return size - HEADER_BYTES - blocks_of(size) * TAG_BYTES


def damaged() -> DamagedFile:
    """The error for an encrypted file that is not as it was written."""
    return DamagedFile(
        "A stored file is damaged: what is stored was not encrypted in this place.",
        expected="An encrypted file, unchanged and under its own name.",
        hint="Check the disk or the object store. Upload the scan again, or run the job again if "
        "its mask is damaged: this replaces the file. For a backup, use another copy of it.",
    )


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])
