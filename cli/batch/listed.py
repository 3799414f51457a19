"""The scans that a table in CSV lists, one row for each mask."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cli.batch.entry import Entry, ScanPath
from cli.input_scans import CHOICES
from cli.subjects import check_channels
from imaging.errors import BadRequest

ENDINGS = (".csv", ".tsv", ".txt")
"""Endings of files that are read as a table."""
_ID, _PATH = "id", "path"
_SEPARATORS = ",;\t"
_NUMBERS = ("stack", "volume")


def entries_of_table(
    table: Path, channels: Sequence[str], stated: Mapping[str, str]
) -> list[Entry]:
    """An entry for each row, in the order of the rows.

    `channels`: those of the model. `stated`: channel -> column, where the user says it; else the
    column of the only channel is `path`, and those of several channels have their names. Relative
    paths begin at the folder of the table. The columns `id`, `series`, `stack` and `volume` have a
    meaning of their own and may be missing; all others are carried into the results. Raises
    BadRequest for a table that is not one, and for ids that are not unique.
    """
    check_channels(stated, channels)
    alone = len(channels) == 1
    columns = {name: stated.get(name, _PATH if alone else name) for name in channels}
    entries = [
        _entry(row, number, table.parent, {"": columns[channels[0]]} if alone else columns)
        for number, row in _rows(table, list(columns.values()))
    ]
    _check_ids(entries)
    return entries


def _rows(table: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that is not empty, with the number of its line."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = max(_SEPARATORS, key=first.count)
            reader = csv.DictReader(file, delimiter=separator, restkey="", restval="", strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            _check_names(names, needed)
            reader.fieldnames = names
            for row in reader:
                if "" in row:
                    raise _bad_row(reader.line_num, "has more cells than there are columns")
                if any(row.values()):
                    yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The table {table} is not UTF-8.",
            expected="A table in CSV, separated by commas, semicolons or tabs, in UTF-8.",
            hint="Save it as `CSV UTF-8`.",
        ) from error
    except csv.Error as error:
        raise BadRequest(
            f"The table {table} cannot be read: {error}.",
            expected="A table in CSV, separated by commas, semicolons or tabs, in UTF-8.",
            hint="Correct it, or save it again.",
        ) from error


def _check_names(names: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in names]
    if missing:
        raise BadRequest(
            f"The table has no column {missing[0]}.",
            expected="A first row with the names of the columns: `path`, or one for each channel "
            "of the model.",
            hint="Add the column, or name another one with --channel NAME=COLUMN.",
        )
    twice = [name for name, count in Counter(names).items() if count > 1 or not name]
    if twice:
        raise BadRequest(
            f"The table has several columns {twice[0]}." if twice[0] else "A column has no name.",
            expected="Another name for each column.",
            hint="Correct the first row of the table.",
        )


def _entry(row: Mapping[str, str], number: int, folder: Path, columns: Mapping[str, str]) -> Entry:
    choice = {n: _choice(n, row[n].strip(), number) for n in CHOICES if row.get(n, "").strip()}
    paths = {}
    for channel, column in columns.items():
        if not row[column].strip() or "\0" in row[column]:
            raise _bad_row(number, f"has no path in the column {column}")
        paths[channel] = ScanPath(folder / row[column].strip(), choice)
    own = {_ID, *CHOICES, *columns.values()}
    name = row.get(_ID, "").strip() or row[next(iter(columns.values()))].strip()
    return Entry(name, paths, {key: value for key, value in row.items() if key not in own})


def _choice(name: str, text: str, number: int) -> str | int:
    if name not in _NUMBERS:
        return text
    if not text.isdecimal() or int(text) < 1:
        raise _bad_row(number, f"has no number from 1 in the column {name}")
    return int(text)


def _check_ids(entries: Sequence[Entry]) -> None:
    if not entries:
        raise BadRequest("The table lists no scan.", expected="A row for each scan.")
    name, count = Counter(entry.id for entry in entries).most_common(1)[0]
    if count > 1:
        raise BadRequest(
            f"{count} rows have the id {name}.",
            expected="Another id in each row; without a column `id`, another path.",
            hint="Add a column `id` with a name for each mask.",
        )


def _bad_row(number: int, what: str) -> BadRequest:
    return BadRequest(
        f"Line {number} of the table {what}.",
        expected="A scan in each row.",
        hint="Correct the row, or delete it.",
    )
