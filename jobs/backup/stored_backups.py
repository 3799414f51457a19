"""The backups in a folder."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from imaging.errors import NotFound
from jobs.backup.contents import Contents
from jobs.backup.line_files import read_lines
from jobs.backup.manifest import MANIFEST, Manifest, read_manifest
from jobs.backup.table_files import read_rows
from jobs.encryption import StoreKeys
from jobs.repository.table_rows import Row

BLOBS, FILES, TABLES = "blobs.jsonl.gz", "files.jsonl.gz", "tables"
DRAFT = ".draft-"


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the data folder in a backup."""

    path: str
    """Its folder, such as `models`, and the path in that."""
    sha256: str
    bytes: int
    mode: int
    """Its permissions."""


class StoredBackup:
    """A complete backup."""

    def __init__(self, folder: Path, keys: StoreKeys | None = None) -> None:
        """`keys`: of the folder of backups. Raises DamagedFile, BadRequest."""
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._keys = keys if self.manifest.encrypted else None

    @property
    def name(self) -> str:
        """The name of its folder: when it was made."""
        return self.folder.name

    @cached_property
    def blobs(self) -> dict[str, int]:
        """The SHA-256 of its blobs, and their sizes in bytes; raises DamagedFile."""
        return {str(sha256): int(size) for sha256, size in self._lines(BLOBS)}

    @cached_property
    def files(self) -> list[ListedFile]:
        """The files of the data folder; raises DamagedFile."""
        return [ListedFile(*line) for line in self._lines(FILES)]

    def contents(self) -> dict[str, int]:
        """The SHA-256 of all contents that it needs, and their sizes in bytes."""
        return self.blobs | {one.sha256: one.bytes for one in self.files}

    def table_file(self, table: str) -> Path:
        """The file with the rows of this table."""
        return self.folder / TABLES / f"{table}.jsonl.gz"

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of this table; raises DamagedFile."""
        return read_rows(self.table_file(table), self._keys)

    def _lines(self, name: str) -> Iterator[Any]:
        return read_lines(self.folder / name, self._keys)


class StoredBackups:
    """The backups of one folder, which share their contents."""

    def __init__(self, target: Path, keys: StoreKeys | None = None) -> None:
        """`keys`: with which new backups are encrypted, and that encrypted ones need; None: they
        are not encrypted."""
        self._folder, self.keys = target / "backups", keys
        self.contents = Contents(target / "contents", keys)

    def get(self, name: str | None = None) -> StoredBackup:
        """The backup of this name, or the newest; raises NotFound, DamagedFile, BadRequest."""
        names = self.names()
        chosen = names[-1] if name is None and names else name
        if chosen not in names:
            raise NotFound(
                "There is no complete backup in the folder."
                if name is None
                else "The folder has no complete backup of this name.",
                expected=f"One of: {', '.join(names)}." if names else "",
                hint="Give the folder that `tessera backup` wrote to.",
            )
        return StoredBackup(self._folder / chosen, self.keys)

    def names(self) -> list[str]:
        """The names of the complete backups, oldest first."""
        return sorted(path.parent.name for path in self._folder.glob(f"[!.]*/{MANIFEST}"))

    def draft(self, name: str) -> tuple[Path, Path]:
        """A new folder for a backup, and the path that it gets once it is complete."""
        final, number = self._folder / name, 1
        while final.exists():
            number += 1
            final = self._folder / f"{name}-{number}"
        draft = self._folder / f"{DRAFT}{final.name}"
        (draft / TABLES).mkdir(parents=True)
        return draft, final

    def remove_drafts(self) -> None:
        """Deletes what interrupted backups left behind, except contents that can be used again."""
        for draft in self._folder.glob(f"{DRAFT}*"):
            shutil.rmtree(draft)
        self.contents.remove_drafts()

    def keep_newest(self, number: int) -> Iterator[int]:
        """Deletes older backups and the contents that no other backup needs.

        Yields the size of each deleted content in bytes. A backup is incomplete before its contents
        go: its manifest is deleted first.
        """
        for name in self.names()[:-number]:
            folder = self._folder / name
            (folder / MANIFEST).unlink()
            shutil.rmtree(folder)
        kept = {
            sha256
            for name in self.names()
            for sha256 in StoredBackup(self._folder / name, self.keys).contents()
        }
        for sha256 in self.contents.names():
            if sha256 not in kept:
                yield self.contents.remove(sha256)
