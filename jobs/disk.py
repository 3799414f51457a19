"""The disk of gateways and workers: its errors, and when it counts as full."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import Part, StorageFull, Unavailable
from imaging.formats.atomic import raising_storage_full

MIN_FREE_BYTES = 256 << 20
MIN_FREE_SHARE = 0.05
"""On a disk of less than 5 GB: the share of it that has to be free."""
_TRIAL = bytes(1 << 16)


def check_free(folder: Path) -> None:
    """Raises StorageFull if the disk of `folder` counts as full, before the last byte is used."""
    with disk_errors():
        usage = shutil.disk_usage(folder)
    if usage.free < min(MIN_FREE_BYTES, usage.total * MIN_FREE_SHARE):
        raise StorageFull(
            f"Only {usage.free:,} bytes are free.", hint="Free some space on the disk."
        )


def check_writable(folder: Path) -> None:
    """Writes and deletes a file in `folder`; raises Unavailable if that fails, StorageFull as
    `check_free` does."""
    check_free(folder)
    with disk_errors(), tempfile.TemporaryFile(dir=folder) as file:
        file.write(_TRIAL)
        file.flush()


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns a full disk into StorageFull, and any other disk error into Unavailable."""
    try:
        with raising_storage_full():
            yield
    except OSError as error:
        raise Unavailable(
            "The disk of the data folder does not work.",
            hint="Check that the data folder exists and is writable, then try again.",
            part=Part.DISK,
        ) from error
