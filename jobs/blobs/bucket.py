"""Blobs in an S3-compatible object store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from imaging.hashes import sha256_of
from jobs.blobs.bucket_files import BucketFiles
from jobs.blobs.local_copy import local_copy
from jobs.blobs.port import Blobs, VerifiedBlob, checked, is_name
from jobs.blobs.verification import verified_chunks
from jobs.disk import disk_errors
from jobs.encryption import check_not_encrypted
from jobs.settings import Settings


class BucketBlobs(Blobs):
    """Blobs as objects under their own names.

    S3 changes the age of an object only when it is stored again, so `put` always uploads.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        """`scratch`: folder of downloads."""
        self._files = BucketFiles(settings, scratch)
        self._checked = False
        self._lock = Lock()

    def check_plain(self) -> None:
        """Raises BadRequest for a bucket whose files are encrypted, Unavailable.

        It is called at the start; if the store does not answer then, before the first use.
        """
        with self._lock:
            if not self._checked:
                check_not_encrypted(self._files)
                self._checked = True

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        self.check_plain()
        with disk_errors():
            sha256 = sha256 or sha256_of(path)
        self._files.upload(sha256, path)
        if move:
            path.unlink()
        return sha256

    @contextmanager
    def verified(self, sha256: str) -> Iterator[VerifiedBlob]:
        """As `Blobs.verified`."""
        _, chunks = self.stream(sha256)
        with local_copy(chunks, sha256, self._files.drafts) as blob:
            yield blob

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        checked(sha256)
        self.check_plain()
        size, chunks = self._files.read(sha256)
        return size, verified_chunks(chunks, sha256)

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        for names in self._files.older_than(age_s):
            yield [name for name in names if is_name(name)]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """As `Blobs.delete`, but not exactly: see `BucketFiles.delete`."""
        return self._files.delete(checked(sha256), age_s)

    def ping(self) -> None:
        """As `Blobs.ping`."""
        self._files.ping()

    def check_writable(self) -> None:
        """As `Blobs.check_writable`."""
        self._files.check_writable()
