"""Rows of a table as lines: the first line names the columns, and each other line is a row."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jobs.backup.line_files import Written, damaged_backup, read_lines, write_lines
from jobs.encryption import StoreKeys
from jobs.repository import StoredTable
from jobs.repository.table_rows import Row


def write_rows(
    path: Path, table: StoredTable, rows: Iterable[Row], keys: StoreKeys | None = None
) -> Written:
    """Writes the rows; `lines` of the result is their number."""
    names, binary = table.columns, table.binary

    def lines() -> Iterator[Any]:
        yield {"columns": names, "base64": binary}
        for row in rows:
            yield [_packed(row[name]) if name in binary else row[name] for name in names]

    written = write_lines(path, lines(), keys)
    return Written(written.lines - 1, written.sha256, written.bytes)


def read_rows(path: Path, keys: StoreKeys | None = None) -> Iterator[Row]:
    """The rows of a file; raises DamagedFile."""
    lines = read_lines(path, keys)
    head = next(lines, None)
    if not isinstance(head, dict):
        raise damaged_backup(f"{path.name} has no names of columns")
    names, binary = head["columns"], set(head["base64"])
    for line in lines:
        row = dict(zip(names, line, strict=True))
        yield row | {name: _unpacked(row[name]) for name in binary}


def _packed(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _unpacked(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
