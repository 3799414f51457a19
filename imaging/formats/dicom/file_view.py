"""A range of a file, read as a file of its own."""

import io
from typing import Any, BinaryIO


class FileView(io.RawIOBase):
    """A prefix in memory, then `size` bytes of an open file from `start` on. Closes that file."""

    name = None
    """pydicom reads this attribute of a file."""

    def __init__(self, file: BinaryIO, start: int, size: int, prefix: bytes = b"") -> None:
        super().__init__()
        self._file, self._start, self._prefix = file, start, prefix
        self._size = len(prefix) + size
        self._at = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a byte of the view, at least 0, and returns its number."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Number of the byte that is read next."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills at most `buffer`; returns the number of bytes, 0 at the end. Raises OSError."""
        view = memoryview(buffer)[: max(0, self._size - self._at)]
        part = self._prefix[self._at : self._at + len(view)]
        if not part:
            self._file.seek(self._start + self._at - len(self._prefix))
            part = self._file.read(len(view))
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        """Closes the file, too."""
        self._file.close()
        super().close()
