"""Files by the SHA-256 of their content: in a folder, or in an S3-compatible store by URL.

A blob is there whole or not at all, and the same content is kept once.
"""

import hashlib
import os
import re
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from imaging.errors import NotFound, Unavailable
from imaging.formats.atomic import raising_storage_full, sync_folder
from imaging.hashes import sha256_of
from jobs.settings import Settings

CHUNK = 1 << 20
_STALE_S = 86_400.0
"""A draft that is older was left by a process that died."""


class Blobs(ABC):
    """What a store of blobs can do."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Blobs":
        """S3 where the settings name a bucket, else a folder in the data folder."""
        if settings.blob_url:
            from jobs.bucket import BucketBlobs  # it builds on this module

            return BucketBlobs(settings)
        return FolderBlobs(settings.data / "blobs")

    @abstractmethod
    def put(self, path: Path, *, move: bool = False) -> str:
        """Stores a local file under its SHA-256, which is returned; twice is once.

        Its age begins anew, also where the content was there. With `move` the file itself may be
        taken away. Raises StorageFull, Unavailable.
        """

    @abstractmethod
    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """A local file to read, for as long as the context lasts; raises NotFound."""

    @abstractmethod
    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """The size in bytes, and the content in chunks; raises NotFound."""

    @abstractmethod
    def old(self, age_s: float) -> Iterator[Sequence[str]]:
        """The names of all that was last put longer ago than this, some at a time."""

    @abstractmethod
    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """Forgets it and says so, unless it is not there or was put within the last `age_s`."""

    @abstractmethod
    def ping(self) -> None:
        """Returns if the store can be written to; raises Unavailable."""


class FolderBlobs(Blobs):
    """`blobs/ab/abcdef...`; drafts are written beside them and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        with disk_errors():
            self._drafts.mkdir(parents=True, exist_ok=True)
            self._sweep_drafts()

    def put(self, path: Path, *, move: bool = False) -> str:
        with disk_errors():
            if move and path.stat().st_dev == self._drafts.stat().st_dev:
                return self._adopt(path, sha256_of(path))
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
    def local(self, sha256: str) -> Iterator[Path]:
        path = self._path(sha256)
        if not path.is_file():
            raise no_blob()
        yield path

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError:
            raise no_blob() from None

        def chunks() -> Iterator[bytes]:
            with file:
                while chunk := file.read(CHUNK):
                    yield chunk

        return os.fstat(file.fileno()).st_size, chunks()

    def old(self, age_s: float) -> Iterator[Sequence[str]]:
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
        """It is moved away first and looked at there, where no `put` can renew it any more."""
        path, before = self._path(sha256), time.time() - age_s
        with disk_errors():
            if age_s and _put_at(path) > before:
                return False
            doomed = self._draft()
            try:
                path.replace(doomed)
            except FileNotFoundError:
                doomed.unlink()
                return False
            if age_s and _put_at(doomed) > before:
                doomed.replace(path)
                return False
            doomed.unlink()
            return True

    def ping(self) -> None:
        with disk_errors():
            draft = self._draft()
            draft.unlink()

    def _adopt(self, draft: Path, sha256: str) -> str:
        target = self._path(sha256)
        if _renewed(target):
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

    def _sweep_drafts(self) -> None:
        for draft in self._drafts.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps, too
                if draft.stat().st_mtime < time.time() - _STALE_S:
                    draft.unlink()


def is_name(text: str) -> bool:
    """Whether a blob can be called so: a SHA-256 in hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def checked(sha256: str) -> str:
    """The name itself; raises NotFound for what can be no blob's name, such as `../x`."""
    if not is_name(sha256):
        raise no_blob()
    return sha256


def _renewed(path: Path) -> bool:
    """Lets the file's age begin anew; False where it is not there, or just was deleted."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.is_file()


def _put_at(path: "Path | os.DirEntry[str]") -> float:
    """Seconds since the epoch; what is not there is as young as can be."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _copy(source: Path, target: Path) -> str:
    """Copies and hashes in one reading."""
    digest = hashlib.sha256()
    with source.open("rb") as reads, target.open("wb") as writes:
        while chunk := reads.read(CHUNK):
            digest.update(chunk)
            writes.write(chunk)
    return digest.hexdigest()


def no_blob() -> NotFound:
    """The answer for a name that nothing is stored under."""
    return NotFound("The stored file is not there.", hint="Upload the scan or run the job again.")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns a full disk into StorageFull, and one that fails into Unavailable."""
    try:
        with raising_storage_full():
            yield
    except OSError as error:
        raise Unavailable(
            "The disk that holds the files failed.",
            hint="See that the data folder is there and can be written to, then try again.",
        ) from error
