"""Stored files (scans, masks, previews), named by the SHA-256 of their content."""

from contextlib import suppress
from pathlib import Path

from imaging.errors import Unavailable
from jobs.blobs.encrypted import EncryptedBlobs
from jobs.blobs.files import Files
from jobs.blobs.folder import FolderBlobs
from jobs.blobs.folder_files import FolderFiles
from jobs.blobs.port import Blobs
from jobs.encryption import KeyRing, StoreKeys, check_not_encrypted
from jobs.settings import Settings

__all__ = ["Blobs", "EncryptedBlobs", "FolderBlobs", "open_blobs"]


def open_blobs(settings: Settings, scratch: Path | None = None) -> Blobs:
    """The S3 bucket of `settings.blob_url`; if that is empty, a folder in the data folder.

    `scratch`: the process's own folder of temporary files, in which files of a bucket and decrypted
    files are while they are in use; None: that of all processes, where nobody removes the files of
    one that was killed. Raises BadRequest if the files are encrypted and the settings do not have
    the key.
    """
    scratch = scratch or settings.scratch
    if settings.encryption_key:
        return _encrypted(settings, scratch)
    if settings.blob_url:
        from jobs.blobs.bucket import BucketBlobs  # loads the S3 client

        bucket = BucketBlobs(settings, scratch)
        with suppress(Unavailable):  # it is checked before it is used
            bucket.check_plain()
        return bucket
    folder = settings.data / "blobs"
    check_not_encrypted(FolderFiles(folder))
    return FolderBlobs(folder)


def _encrypted(settings: Settings, scratch: Path) -> EncryptedBlobs:
    keys = StoreKeys(files := _files(settings, scratch), KeyRing.parse(settings.encryption_key))
    with suppress(Unavailable):  # they are read before they are used
        keys.check()
    return EncryptedBlobs(files, keys, scratch)


def _files(settings: Settings, scratch: Path) -> Files:
    if not settings.blob_url:
        return FolderFiles(settings.data / "blobs")
    from jobs.blobs.bucket_files import BucketFiles  # loads the S3 client

    return BucketFiles(settings, scratch)
