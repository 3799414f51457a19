"""Compressed files of JSON values, one a line. They may be encrypted."""

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from imaging.errors import DamagedFile
from imaging.formats.atomic import raising_storage_full
from imaging.hashes import sha256_of
from jobs.encryption import EncryptedFile, StoreKeys, encrypted

_LEVEL = 3
"""Of compression: reports are repetitive, and higher levels save little for their time."""


@dataclass(frozen=True, slots=True)
class Written:
    """A written file."""

    lines: int
    sha256: str
    bytes: int


def write_lines(path: Path, values: Iterable[Any], keys: StoreKeys | None = None) -> Written:
    """Writes a file that does not exist, encrypted if there are keys; raises StorageFull."""
    lines = 0

    def counted() -> Iterator[Any]:
        nonlocal lines
        for value in values:
            lines += 1
            yield value

    chunks = _packed(counted())
    if keys is not None:
        chunks = encrypted(chunks, keys.current(), path.name)
    with raising_storage_full(), path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
    return Written(lines, sha256_of(path), path.stat().st_size)


def read_lines(path: Path, keys: StoreKeys | None = None) -> Iterator[Any]:
    """The values of a file, encrypted if there are keys; raises DamagedFile."""
    try:
        with _content(path, keys) as file, gzip.GzipFile(fileobj=file) as packed:
            for line in packed:
                yield json.loads(line.decode("utf-8", "surrogatepass"))
    except (OSError, EOFError, ValueError, zlib.error, DamagedFile) as error:
        raise damaged_backup(f"{path.name} cannot be read") from error


def _packed(values: Iterable[Any]) -> Iterator[bytes]:
    """A gzip file with the values."""
    packer = zlib.compressobj(_LEVEL, wbits=zlib.MAX_WBITS | 16)
    for value in values:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        yield packer.compress(text.encode("utf-8", "surrogatepass") + b"\n")
    yield packer.flush()


@contextmanager
def _content(path: Path, keys: StoreKeys | None) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if keys is None:
            yield file
            return

        def read_at(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        size = os.fstat(file.fileno()).st_size
        yield io.BufferedReader(EncryptedFile(read_at, size, keys.get, path.name))


def damaged_backup(what: str) -> DamagedFile:
    """The error for a backup whose files are not those that were written."""
    return DamagedFile(
        f"The backup is damaged: {what}.",
        expected="A complete backup, as `tessera backup` wrote it.",
        hint="Restore another backup of the folder with --backup, or another copy of the folder.",
    )
