"""Restores a backup into a database, a blob store and a data folder of any kind.

The rows come last, in one transaction: a restore that is interrupted leaves the database as it was
and can be repeated.
"""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imaging.counted import counted
from imaging.errors import BadRequest, Conflict
from imaging.formats.atomic import replacing
from imaging.hashes import sha256_of
from jobs.backup.contents import Contents
from jobs.backup.line_files import damaged_backup
from jobs.backup.progress import Progress
from jobs.backup.stored_backups import ListedFile, StoredBackup
from jobs.backup.taking import COPIES_AT_ONCE
from jobs.backup.verifying import check_complete
from jobs.blobs import Blobs
from jobs.repository import Repository, known_revisions

_ANY_AGE_S = -86_400.0
"""Also blobs whose store has a clock that is ahead."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a backup is restored."""

    repository: Repository
    blobs: Blobs
    folders: Mapping[str, Path]
    """Name -> folder, as in `Source`."""
    scratch: Path
    """Folder of decrypted files while they are restored."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    rows: Mapping[str, int]
    blobs: int
    files: int
    queued_again: int
    """Jobs and trainings that ran when the backup was made."""


def restore(
    backup: StoredBackup,
    contents: Contents,
    destination: Destination,
    progress: Progress,
    *,
    replace: bool = False,
) -> Restored:
    """Restores; `replace`: what is in the database, and files of the same names, are replaced.

    Raises DamagedFile for a backup that is not as it was written, BadRequest for one of a later
    schema, Conflict for a destination in use, Unavailable, StorageFull. In all these cases the
    database is as it was.
    """
    manifest, tables = backup.manifest, destination.repository.table_backup
    if manifest.revision not in known_revisions():
        raise BadRequest(
            f"The backup is of a later version of Tessera ({manifest.version}).",
            expected="A backup of this version or of an earlier one.",
            hint=f"Restore it with Tessera {manifest.version} or later.",
        )
    check_complete(backup, contents)
    paths = [(one, _place(one, destination.folders)) for one in backup.files]
    tables.check_replaceable(in_use=replace)
    if not replace:
        _check_free(paths)
    blobs = _Blobs(contents, destination, progress)
    blobs.put("Restoring stored files", list(backup.blobs))
    _put_files(paths, contents, destination.scratch, progress)
    progress.begin("Writing the database")
    rows = {table: backup.rows(table) for table in manifest.rows}
    counts = tables.replace(manifest.revision, rows, in_use=replace)
    blobs.put("Restoring stored files again", blobs.missing(backup.blobs))
    lost_work = (destination.repository.lost_jobs, destination.repository.lost_trainings)
    queued_again = sum(len(lost.release_all()) for lost in lost_work)
    return Restored(counts, len(backup.blobs), len(paths), queued_again)


class _Blobs:
    """Copies contents to the blob store."""

    def __init__(self, contents: Contents, destination: Destination, progress: Progress) -> None:
        self._contents, self._progress = contents, progress
        self._blobs, self._scratch = destination.blobs, destination.scratch

    def put(self, work: str, names: list[str]) -> None:
        """Raises DamagedFile for content that is not what was backed up."""
        self._progress.begin(work, len(names))
        with ThreadPoolExecutor(COPIES_AT_ONCE) as threads:
            for size in threads.map(self._put, names):
                self._progress.advance(size)

    def missing(self, names: Mapping[str, int]) -> list[str]:
        """Those that the store lacks: a collector of a gateway that runs may delete what no row
        refers to yet."""
        stored = {name for page in self._blobs.older_than(_ANY_AGE_S) for name in page}
        return [name for name in names if name not in stored]

    def _put(self, name: str) -> int:
        with self._contents.local(name, self._scratch) as path:
            if self._blobs.put(path) != name:
                raise damaged_backup(f"the stored file {name} has another content")
            return path.stat().st_size


def _place(listed: ListedFile, folders: Mapping[str, Path]) -> Path:
    """Where a file belongs; raises DamagedFile for a path that leads elsewhere."""
    path = PurePosixPath(listed.path)
    if len(path.parts) < 2 or path.parts[0] not in folders or ".." in path.parts:
        raise damaged_backup("it names a file in a place that Tessera does not have")
    return folders[path.parts[0]].joinpath(*path.parts[1:])


def _check_free(paths: list[tuple[ListedFile, Path]]) -> None:
    """A file that is there already with the same content is no conflict."""
    taken = [
        listed.path for listed, path in paths if path.exists() and sha256_of(path) != listed.sha256
    ]
    if taken:
        raise Conflict(
            f"Other files have the place of {counted(len(taken), 'file')} of the backup.",
            expected="A data folder without models and received images.",
            hint="Set TESSERA_DATA to a new folder. With --replace, these files are overwritten.",
        )


def _put_files(
    paths: list[tuple[ListedFile, Path]], contents: Contents, scratch: Path, progress: Progress
) -> None:
    progress.begin("Restoring files of the data folder", len(paths))
    for listed, path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not contents.is_intact(listed.sha256):
            raise damaged_backup(f"the stored file {listed.sha256} has another content")
        with (
            contents.local(listed.sha256, scratch) as plain,
            plain.open("rb") as source,
            replacing(path) as file,
        ):
            shutil.copyfileobj(source, file)
        path.chmod(listed.mode)
        progress.advance(listed.bytes)
