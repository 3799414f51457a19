"""Partial uploads: files that arrive in several requests, because connections break off.

    <folder>/.lock        held while an upload is created
    <folder>/<id>.json    who sends the file, its name and length; its time of change is the time at
                          which the upload expires
    <folder>/<id>.part    the bytes that have arrived; their number is the offset of the next one

Gateways that share the folder share the uploads. Nothing is kept in memory, so an upload survives
a restart of the gateway.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from imaging.errors import NotFound, ScanTooLarge, StorageFull
from imaging.formats.atomic import raising_storage_full, replacing
from jobs.settings import Settings
from service.resources.upload_problems import (
    check_complete,
    check_offset,
    check_same,
    no_upload,
    reporting_removal,
    space_full,
    upload_too_large,
)
from service.resources.upload_shares import Reservation, ReservedSpace

_RECORD, _DATA = ".json", ".part"
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV)
_EMPTY_S = 1800.0
"""How long an upload without a byte is kept: it reserves space for nothing. The first block of the
slowest sender takes 1024 s."""
_TAKEN_S = 600.0
"""How long the file of a scan that was stored is kept, so that a repeated request succeeds."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much may be stored, and for how long."""

    max_bytes: int
    """Of one upload."""
    space_bytes: int
    """Of all uploads together, by their stated lengths; `upload_shares` says who may take what."""
    max_per_caller: int
    keep_s: float
    """Time after the last byte until an upload expires; one without a byte expires sooner."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the settings."""
        return cls(
            max_bytes=settings.max_upload_bytes,
            space_bytes=settings.upload_space_bytes,
            max_per_caller=settings.max_unfinished_uploads,
            keep_s=settings.upload_keep_s,
        )


@dataclass(frozen=True, slots=True)
class PartialUpload:
    """A file that is being sent."""

    id: str
    project: str
    caller: str
    """Name of the principal that created it."""
    name: str
    """The sender's name for the file: a base name; never logged."""
    length: int
    """Bytes of the whole file."""


class PartialUploads:
    """The partial uploads of one folder."""

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self._folder, self.limits = folder, limits

    def create(
        self, project: str, caller: str, name: str, length: int, key: str | None = None
    ) -> PartialUpload:
        """Creates an upload; the same `key` of the same caller finds the same upload again.

        Its length is reserved, so that no other upload takes the space that it needs.

        Raises ScanTooLarge and StorageFull above the limits, and Conflict if the key belongs to an
        upload of another name or length.
        """
        if length > self.limits.max_bytes:
            raise upload_too_large(self.limits.max_bytes)
        upload = PartialUpload(_id_of(project, caller, key), project, caller, name, length)
        with self._locked():
            if self._record(upload.id).is_file():
                check_same(self.get(project, upload.id), upload)
            else:
                self._check_room(upload)
                self._data(upload.id).unlink(missing_ok=True)  # of a removal that was cut short
                with replacing(self._record(upload.id)) as file:
                    file.write(json.dumps(asdict(upload)).encode())
            self._data(upload.id).touch(0o600)
            keep_s = self.limits.keep_s
            self._renew(upload.id, keep_s if self.offset(upload) else min(_EMPTY_S, keep_s))
        return upload

    def get(self, project: str, upload_id: str) -> PartialUpload:
        """An upload of the project; raises NotFound."""
        try:
            upload = PartialUpload(**json.loads(self._record(upload_id).read_bytes()))
        except FileNotFoundError:
            raise no_upload() from None
        if upload.project != project:
            raise no_upload()
        return upload

    def path(self, upload: PartialUpload) -> Path:
        """The file with the bytes that have arrived, which may be removed at any time."""
        return self._data(upload.id)

    def offset(self, upload: PartialUpload) -> int:
        """How many bytes have arrived; raises NotFound if the upload was removed."""
        with reporting_removal():
            return self._data(upload.id).stat().st_size

    def expires_at(self, upload: PartialUpload) -> float:
        """When the upload expires, in seconds since 1970; raises NotFound."""
        with reporting_removal():
            return self._record(upload.id).stat().st_mtime

    def append(self, upload: PartialUpload, offset: int, block: bytes) -> int:
        """Writes `block` at `offset` and returns the next offset.

        Two connections that send the same upload never mix: each block is written under a lock,
        and only at the end of the file. Raises Conflict if that is not at `offset`, ScanTooLarge
        for bytes beyond the stated length (none is written), StorageFull, and NotFound if the
        upload was removed, also if its sender created it again with another length meanwhile.
        """
        if offset + len(block) > upload.length:
            raise ScanTooLarge(
                "The upload has more bytes than were stated.",
                expected=f"{upload.length:,} bytes.",
                hint="State the length of the file in Upload-Length.",
            )
        with self._held(upload) as handle:
            check_offset(os.fstat(handle).st_size, offset)
            written = 0
            while written < len(block):
                written += os.pwrite(handle, block[written:], offset + written)
            if block:
                self._renew(upload.id, self.limits.keep_s)
        return offset + len(block)

    def link(self, upload: PartialUpload, path: Path) -> None:
        """Makes the complete file appear as `path`, which may be moved away or deleted.

        Nothing writes to it any more: a complete file takes no bytes, and a request that opened it
        before finds that out under the lock. Raises Conflict if bytes are missing, NotFound and
        StorageFull.
        """
        with self._held(upload) as handle:
            check_complete(os.fstat(handle).st_size, upload.length)
            try:
                path.hardlink_to(self._data(upload.id))
            except OSError as error:  # not every file system has hard links
                if error.errno not in _NO_LINKS:
                    raise
                shutil.copyfile(self._data(upload.id), path)

    def mark_taken(self, upload: PartialUpload) -> None:
        """Keeps the file a few minutes more only: a scan of it is stored."""
        with suppress(NotFound), self._held(upload):
            self._renew(upload.id, min(_TAKEN_S, self.limits.keep_s))

    def remove(self, upload: PartialUpload) -> None:
        """Deletes an upload, which may be gone already, or be another upload by now."""
        with self._locked():
            if self._is_another(upload):
                return
            # The record goes last: data without a record would never expire.
            self._data(upload.id).unlink(missing_ok=True)
            self._record(upload.id).unlink(missing_ok=True)

    def expired(self) -> list[PartialUpload]:
        """The uploads that have expired."""
        now = time.time()
        found = []
        for upload in self.all():
            with suppress(NotFound):
                if self.expires_at(upload) < now:
                    found.append(upload)
        return found

    def all(self) -> Iterator[PartialUpload]:
        """The uploads of all projects."""
        for path in self._folder.glob(f"*{_RECORD}"):
            with suppress(FileNotFoundError):
                yield PartialUpload(**json.loads(path.read_bytes()))

    def _is_another(self, upload: PartialUpload) -> bool:
        try:
            return self.get(upload.project, upload.id) != upload
        except NotFound:
            return False

    def _check_room(self, upload: PartialUpload) -> None:
        others = list(self.all())
        limits = self.limits
        reserved = tuple(map(self._reservation, others))
        space = ReservedSpace(limits.space_bytes, limits.max_bytes, reserved)
        if upload.length > space.left():
            raise space_full(
                "The space for unfinished uploads is full.",
                f"At most {limits.space_bytes:,} bytes of unfinished uploads.",
            )
        if upload.length > space.left_to(upload.project, upload.caller):
            raise space_full(
                "Your share, or your project's, of the space for unfinished uploads is full.",
                "Fewer or smaller unfinished uploads of yours and of your project.",
            )
        mine = (upload.project, upload.caller)
        if sum((one.project, one.caller) == mine for one in others) >= self.limits.max_per_caller:
            raise StorageFull(
                f"This caller has {self.limits.max_per_caller:,} unfinished uploads.",
                expected="Fewer unfinished uploads.",
                hint="Finish or delete some first, or let an administrator raise "
                "TESSERA_MAX_UNFINISHED_UPLOADS.",
            )

    def _reservation(self, upload: PartialUpload) -> Reservation:
        try:
            complete = self.offset(upload) >= upload.length
            finished = complete and self.expires_at(upload) <= time.time() + _TAKEN_S
        except NotFound:
            finished = True
        return Reservation(upload.project, upload.caller, upload.length, finished)

    @contextmanager
    def _held(self, upload: PartialUpload) -> Iterator[int]:
        """The upload's file, open and locked, if the upload is still the one that was looked up.

        Its id may belong to another upload by now, and the file that was opened may be removed,
        or be a stored scan that has no other name: both are seen only under the lock. Raises
        NotFound and StorageFull.
        """
        with reporting_removal(), raising_storage_full():
            handle = os.open(self._data(upload.id), os.O_WRONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                here = os.path.samestat(os.fstat(handle), self._data(upload.id).stat())
                if not here or self.get(upload.project, upload.id) != upload:
                    raise no_upload()
                yield handle
            finally:
                os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with raising_storage_full(), (self._folder / ".lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def _renew(self, upload_id: str, seconds: float) -> None:
        expires_at = time.time() + seconds
        os.utime(self._record(upload_id), (expires_at, expires_at))

    def _record(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}{_RECORD}"

    def _data(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}{_DATA}"


def _id_of(project: str, caller: str, key: str | None) -> str:
    """A random id; with a key, the id that all requests of the caller with this key share."""
    if key is None:
        return uuid4().hex
    return hashlib.sha256(f"{project}\0{caller}\0{key}".encode()).hexdigest()[:32]
