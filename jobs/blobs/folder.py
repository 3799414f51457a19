"""Blobs in a folder."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from imaging.errors import NotFound
from imaging.formats.atomic import sync_folder
from imaging.hashes import sha256_of
from jobs.blobs.port import CHUNK_BYTES, Blobs, VerifiedBlob, checked, is_name, no_blob
from jobs.blobs.verification import Verified, VerifiedFiles, verified_chunks
from jobs.disk import check_writable, disk_errors

_STALE_S = 86_400.0
"""Age of a draft that a process which died left behind."""


class FolderBlobs(Blobs):
    """Files `ab/abcdef...`. A draft is written in `drafts/` and renamed when it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        self._files = VerifiedFiles()
        with disk_errors():
            self._drafts.mkdir(parents=True, exist_ok=True)
            self._delete_stale_drafts()

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        with disk_errors():
            if move and path.stat().st_dev == self._drafts.stat().st_dev:
                return self._adopt(path, sha256 or sha256_of(path))
            draft = self._draft()
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
        path = self._path(sha256)
        how = self._verify(path, sha256)
        try:
            yield VerifiedBlob(path, how)
        finally:  # also after an error, which a change may have caused
            with suppress(NotFound):  # deleted after it was read
                self._verify(path, sha256)

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError:
            raise no_blob() from None

        def chunks() -> Iterator[bytes]:
            with file, disk_errors():
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk

        size = os.fstat(file.fileno()).st_size
        return size, verified_chunks(chunks(), sha256)

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        before = time.time() - age_s
        with disk_errors():
            for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
                with os.scandir(folder) as entries:
                    yield [
                        entry.name
                        for entry in entries
                        if is_name(entry.name) and _put_at(entry) < before
                    ]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """It is moved to `drafts/` before its age is checked: there no `put` can renew it."""
        path, before = self._path(sha256), time.time() - age_s
        with disk_errors():
            if age_s and _put_at(path) > before:
                return False
            draft = self._draft()
            try:
                path.replace(draft)
            except FileNotFoundError:
                draft.unlink()
                return False
            if age_s and _put_at(draft) > before:
                draft.replace(path)
                return False
            draft.unlink()
            return True

    def ping(self) -> None:
        """As `Blobs.ping`."""
        with disk_errors():
            draft = self._draft()
            draft.unlink()

    def check_writable(self) -> None:
        """As `Blobs.check_writable`."""
        check_writable(self._drafts)

    def _verify(self, path: Path, sha256: str) -> Verified:
        with disk_errors():
            try:
                return self._files.verify(path, sha256)
            except FileNotFoundError:
                raise no_blob() from None

    def _is_intact(self, path: Path) -> bool:
        """Whether the file is there and is known to have the right content."""
        try:
            return self._files.knows(path)
        except FileNotFoundError:
            return False

    def _adopt(self, draft: Path, sha256: str) -> str:
        target = self._path(sha256)
        if self._is_intact(target) and _renew(target):
            draft.unlink()
            return sha256
        os.utime(draft)
        target.parent.mkdir(exist_ok=True)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        sync_folder(target.parent)
        return sha256

    def _draft(self) -> Path:
        handle, name = tempfile.mkstemp(dir=self._drafts)
        os.close(handle)
        return Path(name)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / checked(sha256)

    def _delete_stale_drafts(self) -> None:
        for draft in self._drafts.iterdir():
            with suppress(FileNotFoundError):  # another process may delete it, too
                if draft.stat().st_mtime < time.time() - _STALE_S:
                    draft.unlink()


def _renew(path: Path) -> bool:
    """Starts the file's age at 0 again; False if it is missing or was deleted just now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.is_file()


def _put_at(path: "Path | os.DirEntry[str]") -> float:
    """When the blob was last put, in epoch seconds; infinity if it is missing."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _copy(source: Path, target: Path) -> str:
    """Copies the file and returns its SHA-256, reading it once."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()
