"""Stored files (scans, masks, previews), named by the SHA-256 of their content."""

from pathlib import Path

from jobs.blobs.folder import FolderBlobs
from jobs.blobs.port import Blobs
from jobs.settings import Settings

__all__ = ["Blobs", "FolderBlobs", "open_blobs"]


def open_blobs(settings: Settings, scratch: Path | None = None) -> Blobs:
    """The S3 bucket of `settings.blob_url`; if that is empty, a folder in the data folder.

    `scratch`: the process's own folder of temporary files, into which files of a bucket are
    downloaded; None: that of all processes, where nobody removes the files of one that was killed.
    """
    if settings.blob_url:
        from jobs.blobs.bucket import BucketBlobs  # loads the S3 client

        return BucketBlobs(settings, scratch or settings.scratch)
    return FolderBlobs(settings.data / "blobs")
