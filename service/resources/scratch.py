"""Temporary files of one gateway; what a killed gateway left behind goes at the next start."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp, mkstemp
from typing import IO

_PREFIX = "gateway-"
_LOCK = ".lock"


class Scratch:
    """A folder that belongs to this process alone, under the settings' scratch folder.

    The kernel lets go of a folder's lock when its process dies, so a folder whose lock can be had
    has no project and is removed. Several gateways may share the scratch folder.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".gateways.lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)  # nobody may look at a folder before it is locked
            for left in root.glob(f"{_PREFIX}*"):
                _remove_unowned(left)
            self.folder = Path(mkdtemp(prefix=_PREFIX, dir=root))
            self._lock: IO[str] = (self.folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    @contextmanager
    def file(self, suffix: str = "") -> Iterator[Path]:
        """An empty file, removed at the end of the block if it is still there."""
        handle, name = mkstemp(suffix=suffix, dir=self.folder)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def subfolder(self) -> Iterator[Path]:
        """An empty folder, removed at the end of the block with all in it."""
        path = Path(mkdtemp(dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Removes the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def _remove_unowned(folder: Path) -> None:
    try:
        with (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except FileNotFoundError:
        pass  # killed before it had a lock
    shutil.rmtree(folder, ignore_errors=True)
