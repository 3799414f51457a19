"""Encrypted blobs, in a folder or in an object store."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from imaging.errors import NotFound
from imaging.hashes import sha256_of
from jobs.blobs.files import Files
from jobs.blobs.local_copy import local_copy
from jobs.blobs.port import CHUNK_BYTES, Blobs, VerifiedBlob, checked, is_name
from jobs.blobs.verification import Verified, verified_chunks
from jobs.disk import disk_errors
from jobs.encryption import EncryptedFile, StoreKeys, decrypted, encrypted
from jobs.encryption.block_cipher import plain_size

_ENDING = ".enc"
_Content = tuple[int, Iterator[bytes], Verified]
"""Size, chunks, and how they are verified."""
_CLOCK_S = 86_400.0
"""Also files of a store whose clock is ahead."""


class EncryptedBlobs(Blobs):
    """The blob `abcdef...` is the encrypted file `abcdef....enc`.

    Blobs that were stored before encryption was turned on are read as they are, until
    `encrypt_plain` replaces them.
    """

    def __init__(self, files: Files, keys: StoreKeys, scratch: Path) -> None:
        """`scratch`: folder of decrypted files while they are in use."""
        self._files, self.keys, self._scratch = files, keys, scratch

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        with disk_errors():
            sha256 = sha256 or sha256_of(path)
            with path.open("rb") as file:
                self._store(checked(sha256), iter(partial(file.read, CHUNK_BYTES), b""))
            if move:
                path.unlink()
        return sha256

    @contextmanager
    def verified(self, sha256: str) -> Iterator[VerifiedBlob]:
        """As `Blobs.verified`."""
        _, chunks, how = self._read(sha256)
        with disk_errors():
            self._scratch.mkdir(parents=True, exist_ok=True)
        with local_copy(chunks, sha256, self._scratch, how) as blob:
            yield blob

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        size, chunks, _ = self._read(sha256)
        return size, chunks

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        for names in self._files.older_than(age_s):
            blobs = (name.removesuffix(_ENDING) for name in names)
            yield [name for name in dict.fromkeys(blobs) if is_name(name)]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """As `Blobs.delete`."""
        plain = self._files.delete(checked(sha256), age_s)
        return self._files.delete(sha256 + _ENDING, age_s) or plain

    def ping(self) -> None:
        """As `Blobs.ping`."""
        self._files.ping()

    def check_writable(self) -> None:
        """As `Blobs.check_writable`."""
        self._files.check_writable()

    def file_names(self) -> tuple[list[str], list[str]]:
        """The names of all blobs that are encrypted, and of those that are not."""
        files = {name for names in self._files.older_than(-_CLOCK_S) for name in names}
        secret = sorted(name.removesuffix(_ENDING) for name in files if name.endswith(_ENDING))
        return secret, sorted(name for name in files if is_name(name))

    def open(self, sha256: str) -> EncryptedFile:
        """An encrypted blob to be read from any place, without a plain copy.

        Verifies its size and its last block. Raises NotFound, DamagedFile, BadRequest.
        """
        name = checked(sha256) + _ENDING
        read_at = partial(self._files.read_at, name)
        return EncryptedFile(read_at, self._files.size(name), self.keys.get, sha256)

    def check(self, sha256: str) -> int:
        """Reads a blob and compares its SHA-256, which reading an encrypted one does not need;
        returns its size in bytes. Raises NotFound, DamagedFile."""
        return sum(map(len, verified_chunks(self.stream(sha256)[1], sha256)))

    def encrypt_plain(self, sha256: str) -> int:
        """Encrypts a blob that is stored as it is; returns its size in bytes.

        It can be interrupted at any time. Raises NotFound if it was deleted, DamagedFile.
        """
        size, chunks, _ = self._plain(checked(sha256))
        self._store(sha256, chunks)
        self._files.delete(sha256)
        return size

    def encrypt_again(self, sha256: str) -> int:
        """Encrypts an encrypted blob with the newest data key; returns its size in bytes.

        Raises NotFound if it was deleted, DamagedFile.
        """
        size, chunks, _ = self._encrypted(checked(sha256))
        self._store(sha256, chunks)
        return size

    def _read(self, sha256: str) -> _Content:
        checked(sha256)
        for read in (self._encrypted, self._plain):
            try:
                return read(sha256)
            except NotFound:
                continue
        return self._encrypted(sha256)  # it was encrypted after the first look

    def _encrypted(self, sha256: str) -> _Content:
        size, chunks = self._files.read(sha256 + _ENDING)
        content = decrypted(chunks, self.keys.get, sha256)
        return plain_size(size), content, Verified.DECRYPTED

    def _plain(self, sha256: str) -> _Content:
        size, chunks = self._files.read(sha256)
        return size, verified_chunks(chunks, sha256), Verified.IN_FULL

    def _store(self, sha256: str, chunks: Iterator[bytes]) -> None:
        key = self.keys.current()
        with disk_errors():
            handle, name = tempfile.mkstemp(dir=self._files.drafts)
        draft = Path(name)
        try:
            with disk_errors(), os.fdopen(handle, "wb") as file:
                for block in encrypted(chunks, key, sha256):
                    file.write(block)
            self._files.store(sha256 + _ENDING, draft)
        finally:
            draft.unlink(missing_ok=True)
