"""Zip and tar archives, checked before they are trusted."""

import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Self
from zipfile import BadZipFile, ZipFile

ZIP_SIGNATURE = b"PK\x03\x04"
MOST_FILES = 100_000
"""Most entries of an archive, and of all archives and folders of an upload together."""
DAMAGED = (
    *(BadZipFile, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError, OverflowError, struct.error),
    OSError,
)
"""What the standard library raises for a damaged or encrypted archive, while it is opened or while
an entry is read. Wrap writing to a file in `raising_storage_full`: that also raises OSError."""
_DIRECTORY_BYTES = 32 << 20
"""Most bytes of a zip's directory: half a million entries; Python needs ten times that."""
_EXTENSION_BYTES = 1 << 20
"""Most bytes of a tar entry's extension, such as a long name or the fraction of a time."""
_EXTENSIONS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class TarEntry(tarfile.TarInfo):
    """An entry of a tar whose header is checked; for archives of unknown origin.

    tarfile treats a damaged header as the end of the archive, keeps names of any length in memory,
    and expands a sparse file to exabytes. This class raises ReadError instead.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The entry in one block of 512 bytes; raises ReadError for a damaged or impossible one."""
        try:
            entry = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError("the archive is cut off or damaged") from error
        if entry.size < 0 or (entry.type in _EXTENSIONS and entry.size > _EXTENSION_BYTES):
            raise tarfile.ReadError("an entry of an impossible size")
        if entry.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file")
        return entry


def entries(path: Path) -> dict[str, int]:
    """Name of each entry of a zip -> its uncompressed bytes.

    Raises BadZipFile for a directory that is too long, and whatever zipfile raises for a damaged
    zip.
    """
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # noqa: SLF001
        # the only reader of both kinds of a zip's last record, on which ZipFile itself relies
    if end is None or end[zipfile._ECD_SIZE] > _DIRECTORY_BYTES:  # type: ignore[attr-defined]  # noqa: SLF001
        raise BadZipFile("not a zip, or a zip with too many entries")
    with ZipFile(path) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}
