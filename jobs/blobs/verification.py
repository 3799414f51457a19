"""Verification of files by their SHA-256: read in full once, then by what the file system says."""

import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from threading import Lock

from imaging.errors import DamagedFile
from imaging.hashes import sha256_of

_MOST_FILES = 10_000
"""Files that a process remembers; the one that was used least recently is forgotten first."""
_SETTLED_S = 2.0
"""Two changes within the resolution of a file system's clock have the same time, so that a file
changed more recently than this is read in full every time. FAT has the coarsest clock, 2 s."""

_State = tuple[int, int, int, int, int]
"""Device, inode, size, and times of the last change of content and of metadata."""


class Verified(StrEnum):
    """How a file was found to have the content that was stored."""

    IN_FULL = "read in full"
    """Its SHA-256 was computed."""
    UNCHANGED = "unchanged since it was read in full"
    """Its SHA-256 was computed earlier, and the file system reports no change since then."""
    DECRYPTED = "decrypted in full"
    """It was encrypted under its name, and every block of it was authenticated."""


class VerifiedFiles:
    """The files of a folder that this process has read in full; safe to use from many threads."""

    def __init__(self) -> None:
        self._states: OrderedDict[Path, _State] = OrderedDict()
        self._lock = Lock()

    def verify(self, path: Path, expected: str) -> Verified:
        """Reads the file unless it is known and unchanged.

        Raises DamagedFile if its SHA-256 is not `expected`, FileNotFoundError and other OSErrors.
        """
        if self.knows(path):
            return Verified.UNCHANGED
        before = path.stat()
        if sha256_of(path) != expected:
            raise damaged()
        self.remember(path, before)
        return Verified.IN_FULL

    def knows(self, path: Path) -> bool:
        """Whether the file was read in full and is unchanged; raises FileNotFoundError."""
        state = _state(path.stat())
        with self._lock:
            known = self._states.get(path) == state
            if known:
                self._states.move_to_end(path)
        return known

    def remember(self, path: Path, before: os.stat_result) -> None:
        """Remembers a file whose content was right; `before`: its status before it was read."""
        if time.time() - max(before.st_mtime, before.st_ctime) < _SETTLED_S:
            return
        with self._lock:
            self._states[path] = _state(before)
            self._states.move_to_end(path)
            if len(self._states) > _MOST_FILES:
                self._states.popitem(last=False)


def verified_chunks(chunks: Iterator[bytes], expected: str) -> Iterator[bytes]:
    """The chunks; the last is passed on only if all of them have the SHA-256 `expected`.

    So a receiver that counts bytes notices that a damaged file is not complete. Raises DamagedFile.
    """
    digest, held = sha256(), b""
    for chunk in chunks:
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    if digest.hexdigest() != expected:
        raise damaged()
    yield held


def damaged() -> DamagedFile:
    """The error for a stored file whose content is not what was stored."""
    return DamagedFile(
        "A stored file is damaged: its content is not what was stored.",
        expected="A file with the SHA-256 under which it was stored.",
        hint="Check the disk or the object store. Upload the scan again, or run the job again if "
        "its mask is damaged: this replaces the file.",
    )


def _state(status: os.stat_result) -> _State:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
