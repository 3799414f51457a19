"""SHA-256 of files."""

from hashlib import file_digest
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's content, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
