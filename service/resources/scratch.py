"""Temporary files of one gateway. The next start removes what a killed gateway left behind."""

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
    """A folder of this process under `root`, which several gateways may share.

    Each process locks its folder. The kernel releases the lock when the process dies, so a folder
    that is not locked is left over and is removed.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".gateways.lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)  # no other process sees an unlocked new folder
            for leftover in root.glob(f"{_PREFIX}*"):
                _remove_if_unlocked(leftover)
            self.folder = Path(mkdtemp(prefix=_PREFIX, dir=root))
            self._lock: IO[str] = (self.folder / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    @contextmanager
    def file(self, suffix: str = "") -> Iterator[Path]:
        """An empty file, removed at the end of the block unless it was moved."""
        handle, name = mkstemp(suffix=suffix, dir=self.folder)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def subfolder(self) -> Iterator[Path]:
        """An empty folder, removed with its content at the end of the block."""
        path = Path(mkdtemp(dir=self.folder))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Removes the folder and its content."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def _remove_if_unlocked(folder: Path) -> None:
    try:
        with (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except FileNotFoundError:
        pass  # its process was killed before it had a lock
    shutil.rmtree(folder, ignore_errors=True)
