"""The beginning of a file, which is what a format is recognised by."""

from dataclasses import dataclass
from pathlib import Path

from imaging.formats import gzip_stream

HEAD_BYTES = 540
"""As long as the longest header that is needed to recognise a format: NIfTI-2's."""


@dataclass(frozen=True, slots=True)
class FileStart:
    """A path and the first bytes of its file."""

    path: Path
    head: bytes
    """The first HEAD_BYTES of the file as they are; empty for a folder."""
    is_folder: bool = False

    @classmethod
    def of(cls, path: Path) -> "FileStart":
        """Reads the beginning of the file, or notes a folder; raises OSError."""
        try:
            with path.open("rb") as file:
                return cls(path, file.read(HEAD_BYTES))
        except OSError:
            if not path.is_dir():
                raise
            return cls(path, b"", is_folder=True)

    def starts_with(self, *signatures: bytes) -> bool:
        """Whether the file begins with one of the signatures."""
        return self.head.startswith(signatures)

    def inflated(self) -> bytes:
        """The first HEAD_BYTES, decompressed if the file is a gzip stream.

        Raises UnreadableScan where the gzip stream is damaged.
        """
        if not self.starts_with(gzip_stream.SIGNATURE):
            return self.head
        return gzip_stream.head(self.path, HEAD_BYTES)
