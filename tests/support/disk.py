"""Small file systems of their own, which a test may fill."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MB = 1 << 20


@contextmanager
def mounted(folder: Path, size_mb: int) -> Iterator[Path]:
    """A file system of this size at `folder`; skips where this process may mount none."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size_mb * MB}", "tmpfs", str(folder)]
    done = (
        os.geteuid() == 0
        and shutil.which("mount") is not None
        and subprocess.run(options, capture_output=True, check=False).returncode == 0
    )
    if not done:
        pytest.skip("a file system of its own can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all space that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1 << 16))
        except OSError:
            return path
