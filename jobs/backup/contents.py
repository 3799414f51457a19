"""The files of all backups of a folder, each content once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from imaging.errors import DamagedFile
from imaging.formats.atomic import replacing, sync_folder
from imaging.hashes import sha256_of
from jobs.backup.line_files import damaged_backup
from jobs.blobs.local_copy import local_copy
from jobs.blobs.verification import verified_chunks
from jobs.encryption import StoreKeys, decrypted, encrypted
from jobs.encryption.block_cipher import plain_size

_CHUNK_BYTES = 1 << 20
_DRAFTS = "*/.part-*"
"""As `replacing` names them."""
_ENCRYPTED = ".enc"


class Contents:
    """Files `ab/abcdef...`, or `ab/abcdef....enc` if they are encrypted, named by the SHA-256 of
    their content. A file is there completely or not at all."""

    def __init__(self, folder: Path, keys: StoreKeys | None = None) -> None:
        """`keys`: with which new files are encrypted; None: they are not encrypted."""
        self._folder, self._keys = folder, keys
        self._changed: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Where this content is, encrypted or not, or would be."""
        ways = (self._path(sha256, encrypted=True), self._path(sha256, encrypted=False))
        return next((path for path in ways if path.exists()), self._new_path(sha256))

    def size(self, sha256: str) -> int | None:
        """Bytes of this content; None if it is missing or has a size that no file can have."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            return plain_size(size) if path.suffix == _ENCRYPTED else size
        except (FileNotFoundError, DamagedFile):
            return None

    def is_stored(self, sha256: str) -> bool:
        """Whether this content is there in the form of new files."""
        return self._new_path(sha256).exists()

    def is_intact(self, sha256: str) -> bool:
        """Reads the file; False if it is missing or damaged."""
        try:
            for _ in self._chunks(sha256):
                pass
        except (FileNotFoundError, DamagedFile):
            return False
        return True

    @contextmanager
    def local(self, sha256: str, scratch: Path) -> Iterator[Path]:
        """A file with this content that is not encrypted; a copy of an encrypted one is in
        `scratch` meanwhile. Raises DamagedFile for an encrypted one that is damaged."""
        path = self.path(sha256)
        if path.suffix != _ENCRYPTED:
            yield path
            return
        scratch.mkdir(parents=True, exist_ok=True)
        with local_copy(self._reported(sha256), sha256, scratch) as copy:
            yield copy.path

    def add(self, sha256: str, chunks: Iterable[bytes]) -> int:
        """Stores content whose SHA-256 `chunks` verifies; returns its size. Raises StorageFull."""
        path, counter = self._new_path(sha256), _Counter(chunks)
        path.parent.mkdir(parents=True, exist_ok=True)
        content: Iterable[bytes] = counter
        if self._keys is not None:
            content = encrypted(counter, self._keys.current(), sha256)
        with replacing(path) as file:
            for chunk in content:
                file.write(chunk)
        if self._keys is not None:  # of an earlier backup, which uses the encrypted file now
            self._path(sha256, encrypted=False).unlink(missing_ok=True)
        self._changed.add(path.parent)
        return counter.bytes

    def add_file(self, source: Path) -> tuple[str, int]:
        """Stores the content of a file; its SHA-256 and size.

        A file that grows meanwhile is stored as it is at the second reading or later. Raises
        FileNotFoundError if it is missing, and StorageFull.
        """
        while True:
            sha256 = sha256_of(source)
            if self.is_stored(sha256) and (size := self.size(sha256)) is not None:
                return sha256, size
            try:
                return sha256, self.add(sha256, verified_chunks(_file_chunks(source), sha256))
            except DamagedFile:  # it has changed since
                continue

    def sync(self) -> None:
        """Makes the names of all added files durable."""
        for folder in self._changed:
            sync_folder(folder)
        if self._changed:
            sync_folder(self._folder)
        self._changed.clear()

    def names(self) -> Iterator[str]:
        """The SHA-256 of every content."""
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            files = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
            yield from dict.fromkeys(name.removesuffix(_ENCRYPTED) for name in files)

    def remove(self, sha256: str) -> int:
        """Deletes a content; returns the size of its file."""
        path = self.path(sha256)
        size = path.stat().st_size
        for is_encrypted in (True, False):
            self._path(sha256, encrypted=is_encrypted).unlink(missing_ok=True)
        return size

    def remove_drafts(self) -> None:
        """Deletes what an interrupted backup left behind."""
        for draft in self._folder.glob(_DRAFTS):
            draft.unlink(missing_ok=True)

    def _path(self, sha256: str, *, encrypted: bool) -> Path:
        return self._folder / sha256[:2] / (sha256 + (_ENCRYPTED if encrypted else ""))

    def _new_path(self, sha256: str) -> Path:
        return self._path(sha256, encrypted=self._keys is not None)

    def _chunks(self, sha256: str) -> Iterator[bytes]:
        path = self.path(sha256)
        chunks = _file_chunks(path)
        if path.suffix == _ENCRYPTED:
            if self._keys is None:  # the folder of the backups has no keys, and this file
                raise damaged_backup("a stored file is encrypted, and its data key is missing")
            chunks = decrypted(chunks, self._keys.get, sha256)
        return verified_chunks(chunks, sha256)

    def _reported(self, sha256: str) -> Iterator[bytes]:
        try:
            yield from self._chunks(sha256)
        except DamagedFile as error:
            raise damaged_backup(f"the stored file {sha256} has another content") from error


class _Counter:
    """Chunks, and how many bytes of them were read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def _file_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(partial(file.read, _CHUNK_BYTES), b"")
