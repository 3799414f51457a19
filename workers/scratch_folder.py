"""The folder for a worker's temporary files."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder that is removed at the end; also removes those of killed workers of this host."""
    parent.mkdir(parents=True, exist_ok=True)
    # No host name contains a tilde: the host `gpu` leaves the folders of `gpu-2` alone.
    prefix = f"worker-{socket.gethostname()}~"
    for folder in parent.glob(f"{prefix}*"):
        pid = folder.name.removeprefix(prefix).partition("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{prefix}{os.getpid()}-") as own:
        yield Path(own)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
