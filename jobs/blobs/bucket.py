"""Blobs in an S3-compatible object store."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from imaging.errors import Part, Unavailable
from imaging.hashes import sha256_of
from jobs.blobs.port import CHUNK_BYTES, Blobs, VerifiedBlob, checked, is_name, no_blob
from jobs.blobs.verification import Verified, verified_chunks
from jobs.disk import disk_errors
from jobs.outage_guard import OutageGuard
from jobs.settings import Settings

_RETRIES = 3
_PAGE = 500
_TIMEOUT = timedelta(seconds=10)
"""Of all retries together, so that a gateway soon reports an unreachable store."""
_CONNECT = timedelta(seconds=3)
_SILENCE = timedelta(seconds=10)
"""How long the store may send nothing."""
_REQUEST = timedelta(seconds=60)
"""Of a request that sends something: at most one part of an upload, of a few MiB."""
_DOWNLOAD = timedelta(days=1)
"""A download takes as long as it takes while bytes arrive."""


class BucketBlobs(Blobs):
    """Objects under `s3://bucket/prefix`; S3 shows an object when its upload is complete.

    A blob's age is the object's last modification. S3 changes it only when the object is stored
    again, so `put` always uploads.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        """`scratch`: folder of downloads."""
        self._store = _bucket(settings, _REQUEST)
        self._downloads = _bucket(settings, _DOWNLOAD)
        self._scratch = scratch
        self._guard = OutageGuard()

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        with disk_errors():
            sha256 = sha256 or sha256_of(path)
        with self._calls():
            self._store.put(sha256, path)
        if move:
            path.unlink()
        return sha256

    @contextmanager
    def verified(self, sha256: str) -> Iterator[VerifiedBlob]:
        """As `Blobs.verified`."""
        _, chunks = self.stream(sha256)
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="blob-") as folder:
            path = Path(folder) / sha256
            with disk_errors(), path.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            yield VerifiedBlob(path, Verified.IN_FULL)

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        with self._calls():
            response = self._downloads.get(checked(sha256))
            size, parts = response.meta["size"], response.stream(min_chunk_size=CHUNK_BYTES)

        def chunks() -> Iterator[bytes]:
            with self._errors():
                for part in parts:
                    yield bytes(part)

        return size, verified_chunks(chunks(), sha256)

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        before = time.time() - age_s
        with self._errors():
            for page in self._store.list(chunk_size=_PAGE):
                yield [
                    blob["path"]
                    for blob in page
                    if blob["last_modified"].timestamp() < before and is_name(blob["path"])
                ]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """S3 cannot delete by age: a `put` between the check and the deletion is lost."""
        with self._calls():
            put_at = self._put_at(sha256)
            if put_at is None or (age_s and put_at.timestamp() > time.time() - age_s):
                return False
            self._store.delete(sha256)
            return True

    def ping(self) -> None:
        """As `Blobs.ping`."""
        with self._calls():
            self._put_at("0" * 64)

    def check_writable(self) -> None:
        """As `Blobs.check_writable`; the name is no blob's, so that no collector looks at it."""
        trial = f"trial-{uuid4().hex}"
        with self._calls():
            self._store.put(trial, b"trial")
            self._store.delete(trial)

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Surrounds requests; while the store does not answer, one caller at a time tries it."""
        with self._guard.call(), self._errors():
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotFoundError):
            raise no_blob() from None
        except (BaseError, OSError) as error:
            known = Unavailable(
                "The object store does not respond correctly.",
                hint="Check that it runs and that TESSERA_BLOB_URL and the keys are correct, then "
                "try again.",
                part=Part.STORE,
            )
            self._guard.timed_out(known)
            raise known from error

    def _put_at(self, sha256: str) -> datetime | None:
        try:
            return self._store.head(checked(sha256))["last_modified"]
        except (FileNotFoundError, NotFoundError):
            return None


def _bucket(settings: Settings, timeout: timedelta) -> S3Store:
    """The store of `s3://bucket/prefix`; empty keys are read from the AWS environment variables.

    `timeout`: of one request as a whole.
    """
    url = urlsplit(settings.blob_url)
    options = {
        "endpoint": settings.s3_endpoint,
        "access_key_id": settings.s3_access_key,
        "secret_access_key": settings.s3_secret_key,
    }
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": settings.s3_endpoint.startswith("http://"),
            "connect_timeout": _CONNECT,
            "read_timeout": _SILENCE,
            "timeout": timeout,
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": _TIMEOUT},
        **{name: value for name, value in options.items() if value},  # type: ignore[arg-type]
    )
