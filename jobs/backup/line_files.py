"""Compressed files of JSON values, one a line."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import DamagedFile
from imaging.formats.atomic import raising_storage_full
from imaging.hashes import sha256_of

_LEVEL = 3
"""Of compression: reports are repetitive, and higher levels save little for their time."""


@dataclass(frozen=True, slots=True)
class Written:
    """A written file."""

    lines: int
    sha256: str
    bytes: int


def write_lines(path: Path, values: Iterable[Any]) -> Written:
    """Writes a file that does not exist; raises StorageFull."""
    lines = 0
    with (
        raising_storage_full(),
        path.open("xb") as file,
        gzip.GzipFile("", "wb", _LEVEL, fileobj=file, mtime=0) as packed,
    ):
        for value in values:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            packed.write(text.encode("utf-8", "surrogatepass") + b"\n")
            lines += 1
    return Written(lines, sha256_of(path), path.stat().st_size)


def read_lines(path: Path) -> Iterator[Any]:
    """The values of a file; raises DamagedFile."""
    try:
        with gzip.open(path, "rb") as packed:
            for line in packed:
                yield json.loads(line.decode("utf-8", "surrogatepass"))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged_backup(f"{path.name} cannot be read") from error


def damaged_backup(what: str) -> DamagedFile:
    """The error for a backup whose files are not those that were written."""
    return DamagedFile(
        f"The backup is damaged: {what}.",
        expected="A complete backup, as `tessera backup` wrote it.",
        hint="Restore another backup of the folder with --backup, or another copy of the folder.",
    )
