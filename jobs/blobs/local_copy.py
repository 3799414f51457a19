"""A local file with the content of a blob that is read from elsewhere, or decrypted."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.blobs.port import VerifiedBlob
from jobs.blobs.verification import Verified
from jobs.disk import disk_errors


@contextmanager
def local_copy(
    chunks: Iterator[bytes], sha256: str, folder: Path, how: Verified = Verified.IN_FULL
) -> Iterator[VerifiedBlob]:
    """A temporary file in `folder`; `chunks` verify the content, as `how` says.

    Only this user can read it.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="blob-") as temporary:
        path = Path(temporary) / sha256
        with disk_errors(), path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        yield VerifiedBlob(path, how)
