"""Backups: database, blobs and files of the data folder, consistent with each other.

TARGET/contents/ab/abcdef...   every file of every backup, once, named by its SHA-256
TARGET/backups/NAME/           one complete backup:
    manifest.json              what it is, and the SHA-256 of the files beside it; written last
    tables/TABLE.jsonl.gz      the rows of a table
    blobs.jsonl.gz             the blobs that the rows refer to
    files.jsonl.gz             the files of the data folder
TARGET/backups/.draft-NAME/    one that is being made, or was interrupted

Nothing coordinates a backup with the gateways and workers that run meanwhile. See `taking`.
"""

from jobs.backup.manifest import Manifest
from jobs.backup.progress import Progress
from jobs.backup.restoring import Destination, Restored, restore
from jobs.backup.secret_file import (
    key_check,
    read_secrets,
    secrets_in,
    write_secret_files,
    write_secrets,
)
from jobs.backup.stored_backups import StoredBackup, StoredBackups
from jobs.backup.taking import Source, take_backup
from jobs.backup.verifying import verify

__all__ = [
    "Destination",
    "Manifest",
    "Progress",
    "Restored",
    "Source",
    "StoredBackup",
    "StoredBackups",
    "key_check",
    "read_secrets",
    "restore",
    "secrets_in",
    "take_backup",
    "verify",
    "write_secret_files",
    "write_secrets",
]
