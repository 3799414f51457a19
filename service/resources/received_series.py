"""The series in the folders `inbox` and `refused`, as seen beside the inbox that fills them.

A series is deleted in two steps: its folder is renamed, then removed. An image that arrives in
between finds no folder, and its sender sends it again.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import TesseraError
from imaging.formats.dicom.instance_identity import identify

TAKEN = ".taken"
"""File with the fingerprint of a series when it was taken in."""
PROBLEM = "problem.json"
"""File with the reason for which a series was refused."""
_REMOVED = ".removed-"


@dataclass(frozen=True, slots=True)
class ReceivedFolder:
    """A series as it was received."""

    path: Path
    sender: str
    """AE title; empty if no file can be read."""
    first: Path | None
    """Its first file; None if it has none."""
    newest: float
    """When its newest file was written, in seconds since the epoch."""
    bytes: int
    settled: bool
    """Whether it was refused, or taken in as it is now."""

    def remove(self) -> None:
        """Deletes it; it may be gone already."""
        aside = self.path.with_name(f"{_REMOVED}{self.path.name}")
        with suppress(FileNotFoundError):
            self.path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


class ReceivedSeries:
    """The series of one data folder."""

    def __init__(self, data: Path) -> None:
        self._roots = (data / "inbox", data / "refused")

    def all(self) -> Iterator[ReceivedFolder]:
        """Every series; removes what an interrupted removal has left."""
        for root in self._roots:
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                if path.name.startswith(_REMOVED):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.is_dir() and not path.name.startswith("."):
                    with suppress(FileNotFoundError):  # it is gone, or in the other folder now
                        yield self.read(path)

    def read(self, path: Path) -> ReceivedFolder:
        """The series in a folder; raises FileNotFoundError if it goes meanwhile."""
        files = sorted(path.iterdir())
        stats = [file.stat() for file in files]
        first = next((file for file in files if file.suffix == ".dcm"), None)
        return ReceivedFolder(
            path=path,
            sender="" if first is None else _sender(first),
            first=first,
            newest=max((one.st_mtime for one in stats), default=path.stat().st_mtime),
            bytes=sum(one.st_size for one in stats),
            settled=(path / PROBLEM).exists() or is_taken(path, files),
        )


def fingerprint(files: Iterable[Path]) -> str:
    """Of the images of a series: their names, sizes and times."""
    images = sorted(path for path in files if path.suffix == ".dcm")
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in images]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:32]


def is_taken(folder: Path, files: Iterable[Path]) -> bool:
    """Whether the series in a folder was taken in, and has not grown since."""
    with suppress(FileNotFoundError):
        return (folder / TAKEN).read_text() == fingerprint(files)
    return False


def _sender(path: Path) -> str:
    try:
        return identify(path).sender
    except TesseraError:
        return ""
