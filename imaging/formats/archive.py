"""What a zip holds, looked at before it is believed."""

import zipfile
from pathlib import Path
from zipfile import BadZipFile, ZipFile

_DIRECTORY_BYTES = 32 << 20
"""Of a zip's list of entries: half a million of them. Python takes ten times as much for it."""


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
