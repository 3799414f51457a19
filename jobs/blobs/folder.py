"""Blobs in a folder."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from imaging.errors import NotFound
from imaging.hashes import sha256_of
from jobs.blobs.folder_files import FolderFiles
from jobs.blobs.port import CHUNK_BYTES, Blobs, VerifiedBlob, checked, is_name, no_blob
from jobs.blobs.verification import Verified, VerifiedFiles, verified_chunks
from jobs.disk import disk_errors


class FolderBlobs(Blobs):
    """Blobs as `FolderFiles` under their own names, which are opened where they are."""

    def __init__(self, folder: Path) -> None:
        self._files = FolderFiles(folder)
        self._verified = VerifiedFiles()

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        with disk_errors():
            if move and path.stat().st_dev == self._files.drafts.stat().st_dev:
                return self._adopt(path, sha256 or sha256_of(path))
            draft = self._files.draft()
            try:
                sha256 = _copy(path, draft)
                self._adopt(draft, sha256)
            finally:
                draft.unlink(missing_ok=True)
            if move:
                path.unlink()
            return sha256

    @contextmanager
    def verified(self, sha256: str) -> Iterator[VerifiedBlob]:
        """As `Blobs.verified`."""
        path = self._files.path(checked(sha256))
        how = self._verify(path, sha256)
        try:
            yield VerifiedBlob(path, how)
        finally:  # also after an error, which a change may have caused
            with suppress(NotFound):  # deleted after it was read
                self._verify(path, sha256)

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        size, chunks = self._files.read(checked(sha256))
        return size, verified_chunks(chunks, sha256)

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        for names in self._files.older_than(age_s):
            yield [name for name in names if is_name(name)]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """As `Blobs.delete`."""
        return self._files.delete(checked(sha256), age_s)

    def ping(self) -> None:
        """As `Blobs.ping`."""
        self._files.ping()

    def check_writable(self) -> None:
        """As `Blobs.check_writable`."""
        self._files.check_writable()

    def _verify(self, path: Path, sha256: str) -> Verified:
        with disk_errors():
            try:
                return self._verified.verify(path, sha256)
            except FileNotFoundError:
                raise no_blob() from None

    def _is_intact(self, path: Path) -> bool:
        """Whether the file is there and is known to have the right content."""
        try:
            return self._verified.knows(path)
        except FileNotFoundError:
            return False

    def _adopt(self, draft: Path, sha256: str) -> str:
        target = self._files.path(checked(sha256))
        if self._is_intact(target) and _renew(target):
            draft.unlink()
        else:
            self._files.store(sha256, draft)
        return sha256


def _renew(path: Path) -> bool:
    """Starts the file's age at 0 again; False if it is missing or was deleted just now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.is_file()


def _copy(source: Path, target: Path) -> str:
    """Copies the file and returns its SHA-256, reading it once."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()
