"""Verifies a backup: each of its files is there and has the content that was written."""

from imaging.hashes import sha256_of
from jobs.backup.contents import Contents
from jobs.backup.line_files import damaged_backup
from jobs.backup.progress import Progress
from jobs.backup.stored_backups import StoredBackup


def verify(backup: StoredBackup, contents: Contents, progress: Progress) -> None:
    """Reads everything; raises DamagedFile for the first fault."""
    check_complete(backup, contents)
    needed = backup.contents()
    progress.begin("Verifying stored files", len(needed))
    for sha256, size in needed.items():
        if not contents.is_intact(sha256):
            raise damaged_backup(f"the stored file {sha256} has another content")
        progress.advance(size)


def check_complete(backup: StoredBackup, contents: Contents) -> None:
    """Reads the lists and the rows, and looks whether all other files are there in full size.

    Raises DamagedFile.
    """
    for name, sha256 in backup.manifest.sha256.items():
        path = backup.folder / name
        if not path.is_file():
            raise damaged_backup(f"{name} is missing")
        if sha256_of(path) != sha256:
            raise damaged_backup(f"{name} has another content")
    missing = sum(contents.size(name) != size for name, size in backup.contents().items())
    if missing:
        raise damaged_backup(f"{missing:,} stored files are missing or have another size")
