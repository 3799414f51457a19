"""A gzipped file of which several parts are extracted: inflated once instead of once per part."""

import gzip
import shutil
from pathlib import Path

from imaging.formats import gzip_stream
from imaging.formats.atomic import raising_storage_full
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits

_GZIP_LEVEL = 1


class UnpackedSource:
    """A file to extract parts from."""

    def __init__(self, path: Path, folder: Path, limits: Limits, parts: int) -> None:
        """Inflates the file into `folder` if it is a gzip stream with several `parts` to extract.

        Raises UnreadableScan for a damaged stream, ScanTooLarge and StorageFull.
        """
        self._packed = parts > 1 and FileStart.of(path).starts_with(gzip_stream.SIGNATURE)
        self.path = folder / "unpacked" if self._packed else path
        """The file to extract from."""
        if self._packed:
            _inflate(path, self.path, limits)

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


def _inflate(path: Path, target: Path, limits: Limits) -> None:
    size = 0
    with raising_storage_full(), target.open("wb") as file:
        for chunk in gzip_stream.chunks(path):
            size += len(chunk)
            limits.check_bytes(size)
            file.write(chunk)
