"""A gzipped file of which several parts are extracted: inflated once instead of once per part."""

import gzip
import shutil
from pathlib import Path

from imaging.formats import gzip_stream
from imaging.formats.atomic import raising_storage_full
from imaging.formats.file_start import FileStart

_GZIP_LEVEL = 1


class UnpackedSource:
    """A file to extract parts from."""

    def __init__(self, path: Path, folder: Path, size: int | None) -> None:
        """Inflates the file into `folder` if it is a gzip stream and `size` is given.

        `size`: bytes that the header promises, once decompressed; None to leave the file as it is.
        Raises StorageFull, and UnreadableScan for a stream that is damaged or longer than that.
        """
        self._packed = size is not None and FileStart.of(path).starts_with(gzip_stream.SIGNATURE)
        self.path = folder / "unpacked" if self._packed else path
        """The file to extract from."""
        if size is not None and self._packed:
            _inflate(path, self.path, size)

    def pack(self, part: Path) -> None:
        """Compresses an extracted part, as it would be had it come from the gzip stream."""
        if not self._packed:
            return
        plain = part.rename(part.with_name(f"{part.name}-plain"))
        with (
            raising_storage_full(),
            plain.open("rb") as source,
            part.open("wb") as file,
            gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed,
        ):
            shutil.copyfileobj(source, packed, 1 << 20)
        plain.unlink()


def _inflate(path: Path, target: Path, size: int) -> None:
    with raising_storage_full(), target.open("wb") as file:
        for chunk in gzip_stream.verified(path, 0, size):
            file.write(chunk)
