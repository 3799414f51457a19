"""What a zip or tar holds, looked at before it is believed."""

import tarfile
import zipfile
from pathlib import Path
from typing import Self
from zipfile import BadZipFile, ZipFile

MOST_FILES = 100_000
"""Entries of an archive, of all archives and folders of an upload together."""
_DIRECTORY_BYTES = 32 << 20
"""Of a zip's list of entries: half a million of them. Python takes ten times as much for it."""
_NAME_BYTES = 1 << 20
"""Of what a tar says of an entry beside its header: a long name, a time in fractions."""
_BESIDE = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class TarEntry(tarfile.TarInfo):
    """An entry of a tar that is to be read to its end, and takes little memory.

    tarfile takes a damaged header for the end of the archive, keeps a name in memory whatever its
    length, and makes exabytes of a sparse file. Raises ReadError instead.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            entry = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError("the archive is cut off or damaged") from error
        if entry.size < 0 or (entry.type in _BESIDE and entry.size > _NAME_BYTES):
            raise tarfile.ReadError("an entry of an impossible size")
        if entry.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file")
        return entry


def entries(path: Path) -> dict[str, int]:
    """Name of each entry of a zip -> bytes that it unpacks to; raises BadZipFile and what zipfile
    raises for a damaged or absurd one."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # noqa: SLF001
        # the one reader of both kinds of a zip's last record, which ZipFile itself believes
    if end is None or end[zipfile._ECD_SIZE] > _DIRECTORY_BYTES:  # type: ignore[attr-defined]  # noqa: SLF001
        raise BadZipFile("no zip, or one whose list of entries is too long")
    with ZipFile(path) as archive:
        return {entry.filename: entry.file_size for entry in archive.infolist()}
