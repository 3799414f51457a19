"""What came by C-STORE, by series, on disk: written whole before the sender hears of it.

inbox/<series>/<instance>.dcm     names are hashes; the file meta information names the sender
inbox/<series>/.taken             how the files were when the series was taken in
refused/<series>/                 a series that cannot be a scan, with a problem.json

A series that comes again, or grows after it was taken in or refused, is taken in again as a whole.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from imaging.errors import BadRequest, StorageFull
from imaging.formats.atomic import raising_storage_full, replacing, sync_folder
from imaging.formats.dicom.identity import identify
from jobs.settings import Settings

_TAKEN = ".taken"
_PROBLEM = "problem.json"
_DRAFTS = ".drafts"
ROOM_BYTES = 256 << 20
"""Less free room than this, and nothing is accepted any more."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A series that is complete: its files, and how they were when it was looked at."""

    name: str
    files: tuple[Path, ...]
    state: str


@dataclass(slots=True)
class _Watch:
    """A series that is not taken in yet."""

    last: float
    """time.monotonic() of the last instance, or of the last sender's end."""
    senders: set[int] = field(default_factory=set)
    broken: bool = False
    """Its last sender was cut off, and may come again."""

    def due(self, settings: Settings) -> float:
        """When it is complete if nothing more happens."""
        quiet_s, patience_s = settings.dicom_quiet_s, settings.dicom_patience_s
        waits = bool(self.senders) or self.broken
        return self.last + (max(quiet_s, patience_s) if waits else quiet_s)


class Inbox:
    """One gateway's; thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._root = settings.data / "inbox"
        self._refused = settings.data / "refused"
        self._settings = settings
        self._mutex = threading.Lock()
        self._watched: dict[str, _Watch] = {}
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
                expected="One receiver for a data folder.",
                hint="Set TESSERA_DICOM_PORT=0 here, or give this gateway another data folder.",
            ) from None
        shutil.rmtree(self._root / _DRAFTS, ignore_errors=True)
        (self._root / _DRAFTS).mkdir(mode=0o700)
        for folder in self._folders(self._root):
            if not self._is_taken(folder):
                self._watched[folder.name] = _Watch(time.monotonic(), broken=True)

    def close(self) -> None:
        """Lets another gateway have it."""
        self._lock.close()

    def receive(self, parts: Iterable[bytes], instance: str, sender: int) -> None:
        """Keeps one DICOM file, in pieces; it is on the disk when this returns.

        `instance` is the SOPInstanceUID that was announced, `sender` an association. Raises
        UnreadableScan, BadRequest where the file is of another instance, StorageFull.
        """
        if shutil.disk_usage(self._root).free < ROOM_BYTES:
            raise StorageFull("There is little room left on the disk.", hint="Free some space.")
        draft = self._root / _DRAFTS / secrets.token_hex(16)
        try:
            with raising_storage_full():
                _write(draft, parts)
                self._file(draft, instance, sender)
        finally:
            draft.unlink(missing_ok=True)

    def ended(self, sender: int, *, released: bool) -> None:
        """An association is over, by agreement or not: nothing more comes by it."""
        with self._mutex:
            for watch in self._watched.values():
                if sender in watch.senders:
                    watch.senders.discard(sender)
                    watch.broken = watch.broken or not released
                    watch.last = time.monotonic()

    def complete(self) -> list[Arrived]:
        """Series whose senders hung up and of which nothing came for `dicom_quiet_s`.

        A sender that broke off, or stays, is waited for `dicom_patience_s`.
        """
        now = time.monotonic()
        with self._mutex:
            quiet = [n for n, w in self._watched.items() if w.due(self._settings) <= now]
            found = [self._look(self._root / name) for name in quiet]
            return [arrived for arrived in found if arrived.files]

    def taken(self, arrived: Arrived) -> None:
        """It is a scan with its jobs now; what came meanwhile has it taken in again."""
        with self._mutex, raising_storage_full():
            folder = self._root / arrived.name
            with replacing(folder / _TAKEN) as file:
                file.write(arrived.state.encode())
            if self._look(folder).state == arrived.state:
                self._watched.pop(arrived.name, None)

    def refuse(self, arrived: Arrived, problem: Mapping[str, Any]) -> None:
        """Puts it aside for whoever looks after it, with the reason."""
        with self._mutex, raising_storage_full():
            folder, aside = self._root / arrived.name, self._refused / arrived.name
            if self._look(folder).state != arrived.state:
                return  # it grew meanwhile, and may be whole now
            with replacing(folder / _PROBLEM) as file:
                file.write(json.dumps(dict(problem), indent=2).encode())
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            self._watched.pop(arrived.name, None)

    def later(self, arrived: Arrived) -> None:
        """A part was away: it is looked at again after another quiet time."""
        with self._mutex:
            if arrived.name in self._watched:
                self._watched[arrived.name].last = time.monotonic()

    def tidy(self) -> None:
        """Deletes what was taken in, or refused, long enough ago."""
        now = time.time()
        with self._mutex:
            for folder in self._folders(self._root):
                if folder.name not in self._watched and _older(
                    folder / _TAKEN, now - self._settings.dicom_kept_s
                ):
                    shutil.rmtree(folder, ignore_errors=True)
            for folder in self._folders(self._refused):
                if _older(folder / _PROBLEM, now - self._settings.dicom_refused_s):
                    shutil.rmtree(folder, ignore_errors=True)

    def _file(self, draft: Path, instance: str, sender: int) -> None:
        """Puts a draft where it belongs; the names tell nothing of whom it shows."""
        found = identify(draft)
        if found.sop_instance != instance:
            raise BadRequest("The data set is of another instance than was announced.")
        name = _hash(found.sender, found.series)
        with self._mutex:
            folder = self._folder(name)
            draft.replace(folder / f"{_hash(found.sop_instance)}.dcm")
            sync_folder(folder)
            watch = self._watched.setdefault(name, _Watch(0.0))
            watch.last, watch.broken = time.monotonic(), False
            watch.senders.add(sender)

    def _folder(self, name: str) -> Path:
        """The series' own; one that was refused comes back, it may have been half a series."""
        folder, aside = self._root / name, self._refused / name
        if not folder.is_dir():
            if aside.is_dir():
                (aside / _PROBLEM).unlink(missing_ok=True)
                aside.rename(folder)
            else:
                folder.mkdir(mode=0o700)
            sync_folder(self._root)
        return folder

    def _is_taken(self, folder: Path) -> bool:
        with suppress(FileNotFoundError):
            return (folder / _TAKEN).read_text() == self._look(folder).state
        return False

    @staticmethod
    def _look(folder: Path) -> Arrived:
        files = sorted(folder.glob("*.dcm"))
        told = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        return Arrived(folder.name, tuple(files), _hash(json.dumps(told)))

    @staticmethod
    def _folders(root: Path) -> list[Path]:
        return [path for path in root.iterdir() if path.is_dir() and path.name[0] != "."]


def _write(path: Path, parts: Iterable[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _older(path: Path, when: float) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime < when
    return False


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]
