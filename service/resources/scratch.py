"""Temporary files of one gateway. The next start removes what a killed gateway left behind."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from jobs.own_folder import OwnFolder


class Scratch:
    """A folder of this process under `root`, which several gateways may share."""

    def __init__(self, root: Path) -> None:
        self._own = OwnFolder(root, "gateway-")
        self.folder = self._own.path

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
        self._own.close()
