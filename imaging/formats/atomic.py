"""Writes a file that appears complete or not at all."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from imaging.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def raising_storage_full() -> Iterator[None]:
    """Turns the system's "no space left" errors into StorageFull; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull(
            "The disk is full.",
            expected="Free space for the file.",
            hint="Free some space and try again.",
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write, which takes the name `path` only if the block ends without an error.

    Raises StorageFull where the disk is full. A failed attempt leaves no file behind.
    """
    part = path.with_name(f".part-{secrets.token_hex(8)}")
    with raising_storage_full():
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable: a file that was renamed there survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
