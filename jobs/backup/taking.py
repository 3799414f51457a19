"""Takes a backup of a running service.

The blob collector and deletions of scans do not know of backups, and need not: a blob that is
copied stays in the backup, whatever happens to the service. So most blobs are copied first, which
may take hours. Then a snapshot of the rows begins, and the few blobs that are new in it are copied.
A blob that has vanished by then belongs to a row that was deleted since: the next snapshot begins.
This ends soon, since each round copies only what is newer than the round before. A blob that stays
missing while rows refer to it is lost in the service itself, and the backup says so. Last, the rows
of the same snapshot are written.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from imaging.errors import DamagedFile, NotFound, Part, Unavailable
from imaging.formats.atomic import replacing, sync_folder
from jobs.backup.line_files import Written, write_lines
from jobs.backup.manifest import ENCRYPTED_FORMAT, FORMAT, MANIFEST, Manifest
from jobs.backup.progress import Progress
from jobs.backup.stored_backups import BLOBS, FILES, TABLES, ListedFile, StoredBackup, StoredBackups
from jobs.backup.table_files import write_rows
from jobs.blobs import Blobs
from jobs.repository import DatabaseState, TableBackup

COPIES_AT_ONCE = 4
"""An object store takes as long to begin with a file as to send a small one."""
_GROUP = 500
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Source:
    """The service that is backed up."""

    tables: TableBackup
    blobs: Blobs
    received: Mapping[str, Path]
    """Name -> folder with files that may be missing in the rows, which are copied first."""
    kept: Mapping[str, Path]
    """Name -> folder with files that rows refer to, which are copied last."""
    key_check: str
    """See `Manifest`."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows as files."""

    revision: str
    created_at: datetime
    tables: Mapping[str, Written]
    blobs: Sequence[str]


def take_backup(
    source: Source, target: StoredBackups, progress: Progress, *, recheck: bool = False
) -> StoredBackup:
    """Adds a backup to `target`, which no other process uses meanwhile.

    `recheck`: also reads the contents that earlier backups stored, and replaces damaged ones.
    Raises BadRequest, Unavailable, StorageFull, OSError; then the folder has no new backup, and the
    next one copies only what this one did not.
    """
    return _Taking(source, target, progress, recheck=recheck).take()


class _Taking:
    """One backup that is being made."""

    def __init__(
        self, source: Source, target: StoredBackups, progress: Progress, *, recheck: bool
    ) -> None:
        self._source, self._target, self._progress = source, target, progress
        self._contents = target.contents
        self._recheck = recheck
        self._checked: set[str] = set()
        """Blobs that the contents have."""

    def take(self) -> StoredBackup:
        self._target.remove_drafts()
        draft, final = self._target.draft(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        files = list(self._files(self._source.received))
        with self._source.tables.state() as state:
            first = state.blobs()
        self._copy("Copying stored files", first)
        rows = self._consistent(draft / TABLES)
        files += self._files(self._source.kept)
        sizes = {name: self._contents.size(name) for name in rows.blobs if name in self._checked}
        keys = self._target.keys
        blobs = write_lines(draft / BLOBS, sizes.items(), keys)
        rest = (tuple(asdict(one).values()) for one in files)
        listed = write_lines(draft / FILES, rest, keys)
        hashes = {f"{TABLES}/{t}.jsonl.gz": w.sha256 for t, w in rows.tables.items()}
        manifest = Manifest(
            created_at=rows.created_at.isoformat(timespec="seconds"),
            version=version("tessera-seg"),
            revision=rows.revision,
            rows={table: written.lines for table, written in rows.tables.items()},
            sha256=hashes | {BLOBS: blobs.sha256, FILES: listed.sha256},
            blobs=blobs.lines,
            blob_bytes=sum(size or 0 for size in sizes.values()),
            files=len(files),
            file_bytes=sum(one.bytes for one in files),
            lost_blobs=tuple(name for name in rows.blobs if name not in sizes),
            key_check=self._source.key_check,
            format=FORMAT if keys is None else ENCRYPTED_FORMAT,
        )
        return self._finish(draft, final, manifest)

    def _finish(self, draft: Path, final: Path, manifest: Manifest) -> StoredBackup:
        """Makes everything durable, then the backup complete, in one step."""
        self._contents.sync()
        for folder in (draft / TABLES, draft):
            for path in folder.iterdir():
                if path.is_file():
                    _sync_file(path)
            sync_folder(folder)
        with replacing(draft / MANIFEST) as file:
            file.write(manifest.text().encode())
        sync_folder(draft)
        draft.replace(final)
        sync_folder(final.parent)
        return StoredBackup(final, self._target.keys)

    def _consistent(self, folder: Path) -> _Rows:
        """The rows of a moment, all of whose blobs are copied, except those that are lost."""
        for _ in range(_ROUNDS):
            with self._source.tables.state() as state:
                created_at, blobs = datetime.now(UTC), state.blobs()
                missing = self._copy("Copying new stored files", blobs)
                if missing <= self._lost(missing):
                    tables = self._write(state, folder)
                    return _Rows(state.revision, created_at, tables, blobs)
        raise Unavailable(
            "Stored files are deleted faster than they can be copied.",
            hint="Try again when fewer scans are deleted.",
            part=Part.STORE,
        )

    def _lost(self, missing: set[str]) -> set[str]:
        """Those that rows refer to now, too, and that the service still does not have intact."""
        if not missing:
            return set()
        with self._source.tables.state() as state:
            referenced = missing.intersection(state.blobs())
        return self._copy("Looking for missing files", sorted(referenced))

    def _write(self, state: DatabaseState, folder: Path) -> Mapping[str, Written]:
        self._progress.begin("Reading the database", len(state.tables))
        written = {}
        for table in state.tables:
            path = folder / f"{table.name}.jsonl.gz"
            written[table.name] = write_rows(path, table, state.rows(table), self._target.keys)
            self._progress.advance(written[table.name].bytes)
        return written

    def _copy(self, work: str, names: Sequence[str]) -> set[str]:
        """Copies those blobs that the contents lack; returns those that the service lacks."""
        new, missing = [name for name in names if not self._has(name)], set[str]()
        self._progress.begin(work, len(new))
        with ThreadPoolExecutor(COPIES_AT_ONCE) as threads:
            for group in _groups(new):
                for name, size in zip(group, threads.map(self._copied, group), strict=True):
                    if size is None:
                        missing.add(name)
                    else:
                        self._checked.add(name)
                        self._progress.advance(size)
        return missing

    def _has(self, name: str) -> bool:
        """Whether the contents have this blob; with `recheck`, whether they have it intact."""
        if name in self._checked:
            return True
        contents = self._contents
        here = contents.is_stored(name) and (not self._recheck or contents.is_intact(name))
        if here:
            self._checked.add(name)
        return here

    def _copied(self, name: str) -> int | None:
        """The size of a blob after it was copied; None if the service does not have it intact."""
        try:
            _, chunks = self._source.blobs.stream(name)
            return self._contents.add(name, chunks)
        except (NotFound, DamagedFile):
            return None

    def _files(self, folders: Mapping[str, Path]) -> Iterator[ListedFile]:
        """Copies the files of folders; one that vanishes meanwhile is left out."""
        for name, folder in folders.items():
            self._progress.begin(f"Copying {name}")
            for path in _files_in(folder):
                try:
                    mode = stat.S_IMODE(path.stat().st_mode)
                    sha256, size = self._contents.add_file(path)
                except FileNotFoundError:
                    continue
                self._progress.advance(size)
                place = f"{name}/{path.relative_to(folder).as_posix()}"
                yield ListedFile(place, sha256, size, mode)


def _files_in(folder: Path) -> Iterator[Path]:
    """All regular files below the folder; no link is followed."""
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _groups(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _GROUP] for start in range(0, len(names), _GROUP))


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
