"""SHA-256 of files."""

from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's content, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class Sha256Writer:
    """Writes to a file and computes the SHA-256 of what is written; it cannot seek."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()

    def write(self, data: "bytes | bytearray | memoryview") -> int:
        """Writes all of `data`; returns its size in bytes."""
        self._hash.update(data)
        return self._file.write(data)

    def hexdigest(self) -> str:
        """The checksum of all that has been written so far, in hexadecimal."""
        return self._hash.hexdigest()
