"""A folder of temporary files that belongs to one process."""

import fcntl
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

_LOCK = ".lock"


class OwnFolder:
    """A folder of this process under `root`, which processes of several hosts may share.

    Each process locks its folder. The kernel releases the lock when the process dies, so a folder
    that is not locked is left over, and the next process to start removes it.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        """`prefix`: the same for all processes of a kind, such as `worker-`."""
        root.mkdir(parents=True, exist_ok=True)
        with (root / f".{prefix}lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)  # no other process sees an unlocked new folder
            for leftover in root.glob(f"{prefix}*"):
                _remove_if_unlocked(leftover)
            self.path = Path(mkdtemp(prefix=prefix, dir=root))
            self._lock: IO[str] = (self.path / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Removes the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)
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
