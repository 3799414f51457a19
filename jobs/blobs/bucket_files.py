"""Files of a store in an S3-compatible object store."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from imaging.errors import Part, Unavailable
from jobs.blobs.files import Files
from jobs.blobs.port import CHUNK_BYTES, no_blob
from jobs.outage_guard import OutageGuard
from jobs.settings import Settings

_KEYS = "keys"
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


class BucketFiles(Files):
    """Objects under `s3://bucket/prefix`; S3 shows an object when its upload is complete.

    A file's age is the object's last modification.
    """

    def __init__(self, settings: Settings, scratch: Path) -> None:
        """`scratch`: folder of drafts and downloads."""
        self._store = _bucket(settings, _REQUEST)
        self._downloads = _bucket(settings, _DOWNLOAD)
        self._scratch = scratch
        self._guard = OutageGuard()

    @property
    def drafts(self) -> Path:
        """As `Files.drafts`."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    def store(self, name: str, draft: Path) -> None:
        """As `Files.store`."""
        self.upload(name, draft)
        draft.unlink()

    def upload(self, name: str, path: Path) -> None:
        """Stores a file of any folder, which is kept."""
        with self._calls():
            self._store.put(name, path)

    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """As `Files.read`."""
        with self._calls():
            response = self._downloads.get(name)
            size, parts = response.meta["size"], response.stream(min_chunk_size=CHUNK_BYTES)

        def chunks() -> Iterator[bytes]:
            with self._errors():
                for part in parts:
                    yield bytes(part)

        return size, chunks()

    def read_at(self, name: str, offset: int, count: int) -> bytes:
        """As `Files.read_at`."""
        with self._calls():
            return bytes(self._store.get_range(name, start=offset, length=count))

    def size(self, name: str) -> int:
        """As `Files.size`."""
        with self._calls():
            return int(self._store.head(name)["size"])

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Files.older_than`."""
        before = time.time() - age_s
        with self._errors():
            for page in self._store.list(chunk_size=_PAGE):
                yield [file["path"] for file in page if file["last_modified"].timestamp() < before]

    def delete(self, name: str, age_s: float = 0.0) -> bool:
        """S3 cannot delete by age: a `store` between the check and the deletion is lost."""
        with self._calls():
            put_at = self._put_at(name)
            if put_at is None or (age_s and put_at.timestamp() > time.time() - age_s):
                return False
            self._store.delete(name)
            return True

    def key_files(self) -> Mapping[str, bytes]:
        """As `Files.key_files`."""
        with self._calls():
            paths = [file["path"] for page in self._store.list(_KEYS) for file in page]
            return {
                path.removeprefix(f"{_KEYS}/"): bytes(self._store.get(path).bytes())
                for path in sorted(paths)
            }

    def put_key_file(self, name: str, content: bytes) -> None:
        """As `Files.put_key_file`."""
        with self._calls():
            self._store.put(f"{_KEYS}/{name}", content)

    def ping(self) -> None:
        """As `Files.ping`."""
        with self._calls():
            self._put_at("0" * 64)

    def check_writable(self) -> None:
        """As `Files.check_writable`; the name is no blob's, so that no collector looks at it."""
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

    def _put_at(self, name: str) -> datetime | None:
        try:
            return self._store.head(name)["last_modified"]
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
