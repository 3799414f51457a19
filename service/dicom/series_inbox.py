"""The series inbox: images received by C-STORE, on disk by series until they are taken in.

inbox/<series>/<instance>.dcm     names are hashes; the file meta information names the sender
inbox/<series>/.taken             fingerprint of the files when the series was taken in
refused/<series>/                 a series that cannot become a scan, with a problem.json

A series that is sent again, or grows after it was taken in or refused, is taken in again as a
whole. An image of a refused series may be replaced by a corrected one with the same UID.
"""

import fcntl
import filecmp
import hashlib
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from imaging.errors import BadRequest
from imaging.formats.atomic import raising_storage_full, replacing, sync_folder
from imaging.formats.dicom.instance_identity import identify
from imaging.formats.dicom.same_image import is_same_image_file
from jobs.disk import check_free
from jobs.settings import Settings
from service.resources.received_series import PROBLEM, TAKEN, fingerprint, is_taken

logger = logging.getLogger("tessera.dicom")

_DRAFTS = ".drafts"


class DuplicateInstance(BadRequest):
    """Another image has the same SOP Instance UID."""


@dataclass(frozen=True, slots=True)
class CompleteSeries:
    """A complete series: its files, and a fingerprint of their names, sizes and times."""

    name: str
    files: tuple[Path, ...]
    fingerprint: str


@dataclass(slots=True)
class _PendingSeries:
    """A series that is not taken in yet."""

    last_activity: float
    """time.monotonic() of the last instance, or of the end of the last association."""
    associations: set[int] = field(default_factory=set)
    """Associations that sent an instance and are still open."""
    broken_off: bool = False
    """Whether the last association broke off; its sender may send again."""

    def due(self, settings: Settings) -> float:
        """time.monotonic() at which the series counts as complete if nothing more happens."""
        quiet_s, patience_s = settings.dicom_series_idle_s, settings.dicom_series_timeout_s
        waits = bool(self.associations) or self.broken_off
        return self.last_activity + (max(quiet_s, patience_s) if waits else quiet_s)


class SeriesInbox:
    """The inbox of one gateway; thread-safe."""

    def __init__(self, settings: Settings, keeps: Callable[[Path], bool] = lambda _: False) -> None:
        """`keeps`: whether the series in a folder must not be deleted, however old it is."""
        self._keeps = keeps
        self._root = settings.data / "inbox"
        self._refused = settings.data / "refused"
        self._settings = settings
        self._mutex = threading.Lock()
        self._pending: dict[str, _PendingSeries] = {}
        with raising_storage_full():
            self._open()

    def _open(self) -> None:
        for folder in (self._root, self._refused):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock: IO[str] = (self._root / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise BadRequest(
                "Another gateway receives DICOM into this data folder.",
                expected="One receiving gateway for each data folder.",
                hint="Set TESSERA_DICOM_PORT=0 here, or give this gateway another data folder.",
            ) from None
        shutil.rmtree(self._root / _DRAFTS, ignore_errors=True)
        (self._root / _DRAFTS).mkdir(mode=0o700)
        for folder in self._folders(self._root):
            if not is_taken(folder, folder.iterdir()):
                self._pending[folder.name] = _PendingSeries(time.monotonic(), broken_off=True)

    def close(self) -> None:
        """Releases the inbox for another gateway."""
        self._lock.close()

    def receive(self, chunks: Iterable[bytes], instance: str, association: int) -> None:
        """Stores one DICOM file; it is on the disk when this returns.

        `instance` is the SOPInstanceUID of the C-STORE request. Raises UnreadableScan, BadRequest
        if the file holds another instance, DuplicateInstance, StorageFull, Unavailable.
        """
        check_free(self._root)
        draft = self._root / _DRAFTS / secrets.token_hex(16)
        try:
            with raising_storage_full():
                _write(draft, chunks)
                self._file(draft, instance, association)
        finally:
            draft.unlink(missing_ok=True)

    def association_ended(self, association: int, *, released: bool) -> None:
        """An association was released, or it broke off."""
        with self._mutex:
            for series in self._pending.values():
                if association in series.associations:
                    series.associations.discard(association)
                    series.broken_off = series.broken_off or not released
                    series.last_activity = time.monotonic()

    def complete(self) -> list[CompleteSeries]:
        """Series whose associations ended and that got no instance for `dicom_series_idle_s`.

        While an association is open or broke off, the wait is `dicom_series_timeout_s`.
        """
        now = time.monotonic()
        with self._mutex:
            due = [n for n, series in self._pending.items() if series.due(self._settings) <= now]
            listed = [self._list(self._root / name) for name in due]
            return [series for series in listed if series.files]

    def mark_taken(self, series: CompleteSeries) -> None:
        """Records that a series was taken in; if it grew meanwhile, it stays pending."""
        with self._mutex, raising_storage_full():
            folder = self._root / series.name
            with replacing(folder / TAKEN) as file:
                file.write(series.fingerprint.encode())
            if self._list(folder).fingerprint == series.fingerprint:
                self._pending.pop(series.name, None)

    def refuse(self, series: CompleteSeries, problem: Mapping[str, Any]) -> None:
        """Moves a series to `refused`, with the reason, for an administrator to inspect."""
        with self._mutex, raising_storage_full():
            folder, aside = self._root / series.name, self._refused / series.name
            if self._list(folder).fingerprint != series.fingerprint:
                return  # it grew meanwhile, and may be complete now
            with replacing(folder / PROBLEM) as file:
                file.write(json.dumps(dict(problem), indent=2).encode())
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            self._pending.pop(series.name, None)

    def postpone(self, series: CompleteSeries) -> None:
        """Waits another `dicom_series_idle_s`, because a part of the service was unavailable, or a
        limit of the project was reached."""
        with self._mutex:
            if series.name in self._pending:
                self._pending[series.name].last_activity = time.monotonic()

    def delete_old(self) -> None:
        """Deletes series that were taken in or refused long enough ago."""
        now = time.time()
        with self._mutex:
            for folder in self._folders(self._root):
                if folder.name not in self._pending and _older(
                    folder / TAKEN, now - self._settings.dicom_series_keep_s
                ):
                    self._delete(folder)
            for folder in self._folders(self._refused):
                if _older(folder / PROBLEM, now - self._settings.dicom_refused_keep_s):
                    self._delete(folder)

    def _delete(self, folder: Path) -> None:
        if not self._keeps(folder):
            shutil.rmtree(folder, ignore_errors=True)

    def _file(self, draft: Path, instance: str, association: int) -> None:
        """Moves a draft into its series' folder; the names reveal nothing about the patient."""
        identity = identify(draft)
        if identity.sop_instance != instance:
            raise BadRequest(
                "The SOP Instance UID of the data set differs from the one in the C-STORE request."
            )
        name = _hash(identity.sender, identity.series)
        image = f"{_hash(identity.sop_instance)}.dcm"
        earlier = self._root / name / image
        while True:
            before = _fingerprint(earlier)
            is_known = before is not None and _is_known(earlier, draft)
            with self._mutex:
                if _fingerprint(earlier) != before:  # another association stored it meanwhile
                    continue
                self._store(name, None if is_known else draft, image, association)
                return

    def _store(self, name: str, draft: Path | None, image: str, association: int) -> None:
        """Adds an image to its series; without a `draft`, the series has it already."""
        folder = self._folder(name)
        if draft is not None:
            draft.replace(folder / image)
            sync_folder(folder)
        series = self._pending.setdefault(name, _PendingSeries(0.0))
        series.last_activity, series.broken_off = time.monotonic(), False
        series.associations.add(association)

    def _folder(self, name: str) -> Path:
        """The series' folder. A refused series comes back: it may have been incomplete."""
        folder, aside = self._root / name, self._refused / name
        if not folder.is_dir():
            if aside.is_dir():
                (aside / PROBLEM).unlink(missing_ok=True)
                aside.rename(folder)
            else:
                folder.mkdir(mode=0o700)
            sync_folder(self._root)
        return folder

    @staticmethod
    def _list(folder: Path) -> CompleteSeries:
        files = sorted(folder.glob("*.dcm"))
        return CompleteSeries(folder.name, tuple(files), fingerprint(files))

    @staticmethod
    def _folders(root: Path) -> list[Path]:
        return [path for path in root.iterdir() if path.is_dir() and path.name[0] != "."]


def _is_known(earlier: Path, draft: Path) -> bool:
    """Whether the file is the earlier one of the same SOP instance; raises DuplicateInstance.

    An earlier file with the same image and other attributes is to be replaced: archives correct
    patients and descriptions, and keep the UID.
    """
    if filecmp.cmp(earlier, draft, shallow=False):
        return True
    if not is_same_image_file(earlier, draft):
        raise DuplicateInstance(
            "An image with the same SOP Instance UID, and other pixels or another position, was "
            "received before.",
            expected="A new SOP Instance UID for a changed image (PS3.5, 9).",
            hint="Send it under another UID. The image that arrived first is kept.",
        )
    logger.warning("A received image is replaced by one with the same pixels and other attributes.")
    return False


def _fingerprint(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        stat = path.stat()
        return stat.st_ino, stat.st_mtime_ns
    return None


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _older(path: Path, when: float) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime < when
    return False


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]
