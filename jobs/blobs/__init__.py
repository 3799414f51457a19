"""Stored files (scans, masks, previews), named by the SHA-256 of their content."""

from jobs.blobs.folder import FolderBlobs
from jobs.blobs.port import Blobs
from jobs.settings import Settings

__all__ = ["Blobs", "FolderBlobs", "open_blobs"]


def open_blobs(settings: Settings) -> Blobs:
    """The S3 bucket of `settings.blob_url`; if that is empty, a folder in the data folder."""
    if settings.blob_url:
        from jobs.blobs.bucket import BucketBlobs  # loads the S3 client

        return BucketBlobs(settings)
    return FolderBlobs(settings.data / "blobs")
