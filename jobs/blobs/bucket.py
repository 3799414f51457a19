"""Blobs in an S3-compatible object store."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from imaging.errors import Unavailable
from imaging.hashes import sha256_of
from jobs.blobs.port import CHUNK_BYTES, Blobs, checked, disk_errors, is_name, no_blob
from jobs.settings import Settings

_RETRIES = 3
_PAGE = 500
_TIMEOUT = timedelta(seconds=20)
"""Of all retries together, so that a gateway soon reports an unreachable store."""


class BucketBlobs(Blobs):
    """Objects under `s3://bucket/prefix`; S3 shows an object when its upload is complete.

    A blob's age is the object's last modification. S3 changes it only when the object is stored
    again, so `put` always uploads.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = _bucket(settings)
        self._scratch = settings.scratch

    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """As `Blobs.put`."""
        with disk_errors():
            sha256 = sha256 or sha256_of(path)
        with _store_errors():
            self._store.put(sha256, path)
        if move:
            path.unlink()
        return sha256

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        """As `Blobs.local`."""
        _, chunks = self.stream(sha256)
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="blob-") as folder:
            path = Path(folder) / sha256
            with disk_errors(), path.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
            if sha256_of(path) != sha256:
                raise Unavailable(
                    "The object store returned a file with different content than was stored.",
                    hint="Try again. If the error persists, check the object store for damage.",
                )
            yield path

    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """As `Blobs.stream`."""
        with _store_errors():
            response = self._store.get(checked(sha256))
            size, parts = response.meta["size"], response.stream(min_chunk_size=CHUNK_BYTES)

        def chunks() -> Iterator[bytes]:
            with _store_errors():
                for part in parts:
                    yield bytes(part)

        return size, chunks()

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Blobs.older_than`."""
        before = time.time() - age_s
        with _store_errors():
            for page in self._store.list(chunk_size=_PAGE):
                yield [
                    blob["path"]
                    for blob in page
                    if blob["last_modified"].timestamp() < before and is_name(blob["path"])
                ]

    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """S3 cannot delete by age: a `put` between the check and the deletion is lost."""
        with _store_errors():
            put_at = self._put_at(sha256)
            if put_at is None or (age_s and put_at.timestamp() > time.time() - age_s):
                return False
            self._store.delete(sha256)
            return True

    def ping(self) -> None:
        with _store_errors():
            self._put_at("0" * 64)

    def _put_at(self, sha256: str) -> datetime | None:
        try:
            return self._store.head(checked(sha256))["last_modified"]
        except (FileNotFoundError, NotFoundError):
            return None


def _bucket(settings: Settings) -> S3Store:
    """The store of `s3://bucket/prefix`; empty keys are read from the AWS environment variables."""
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
        client_options={"allow_http": settings.s3_endpoint.startswith("http://")},
        retry_config={"max_retries": _RETRIES, "retry_timeout": _TIMEOUT},
        **{name: value for name, value in options.items() if value},  # type: ignore[arg-type]
    )


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotFoundError):
        raise no_blob() from None
    except (BaseError, OSError) as error:
        raise Unavailable(
            "The object store does not respond correctly.",
            hint="Check that it runs and that TESSERA_BLOB_URL and the keys are correct, then "
            "try again.",
        ) from error
