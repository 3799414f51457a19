"""A log file of a child process, whose size is bounded."""

import os
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

KEPT = 3
"""Earlier parts that are kept: `gateway.log.1` is the latest."""
_BLOCK_BYTES = 1 << 20


class LogFile:
    """A file to which a child process appends; it needs not know that the file is divided."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """`most_bytes`: when the file is larger, its content becomes an earlier part."""
        self.path = path
        self._most_bytes = most_bytes

    def open(self) -> BinaryIO:
        """The file, to append to it; made anew if it or its folder was removed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.open("ab")

    def divide_if_large(self) -> None:
        """Copies a file that is too large to `.1`, and empties it.

        The child keeps the file open, so it is not renamed. What is written between the two steps
        is lost, and of a file that grew beyond twice its size the beginning.
        """
        with suppress(OSError):  # it was removed, or its disk fails: no reason to end
            size = self.path.stat().st_size
            if size >= self._most_bytes:
                with suppress(OSError):  # a full disk: emptying the file is the more important
                    self._copy(size)
                os.truncate(self.path, 0)

    def _copy(self, size: int) -> None:
        for number in range(KEPT - 1, 0, -1):
            if self._part(number).exists():
                self._part(number).replace(self._part(number + 1))
        with self.path.open("rb") as log, self._part(1).open("wb") as part:
            log.seek(max(0, size - 2 * self._most_bytes))
            while block := log.read(_BLOCK_BYTES):
                part.write(block)

    def last_text_with(self, beginning: str, indent: str) -> str:
        """The rest of the last line that begins so, with the indented lines that follow it; empty
        if there is none."""
        if not self.path.exists():
            return ""
        lines = self.path.read_text("utf-8", "replace").splitlines()
        last = max((n for n, line in enumerate(lines) if line.startswith(beginning)), default=None)
        if last is None:
            return ""
        more = takewhile(lambda line: line.startswith(indent), lines[last + 1 :])
        return " ".join([lines[last].removeprefix(beginning), *(line.strip() for line in more)])

    def _part(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
