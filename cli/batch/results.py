"""The table of results: one row for each scan, in the order of the source."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.batch.entry import Entry
from cli.batch.journal import Journal, Record
from imaging.csv_cells import text_cell
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from models.any_card import AnyCard

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column; a cell is None where it does not apply."""

    name: str
    kind: type[str] | type[int] | type[float]
    of: Callable[[Entry, Record], Cell]


def columns_of(entries: Sequence[Entry], card: AnyCard) -> list[Column]:
    """The columns of the results of a model.

    Raises BadRequest where the table that lists the scans has a column of the same name.
    """
    first = entries[0]
    inputs = [_input(name, f"input_{name}" if name else "input") for name in first.channels]
    carried = [_carried(name) for name in first.columns]
    own = [_ID, *inputs, *_ATTEMPT, *_of_labels(card)]
    taken = {column.name for column in own} & set(first.columns)
    if taken:
        name = min(taken)
        raise BadRequest(
            f"The column {name} of the table is a column of the results, too.",
            expected="Other names than those of the results.",
            hint=f"Rename the column {name}.",
        )
    return [_ID, *inputs, *carried, *own[1 + len(inputs) :]]


@dataclass(frozen=True, slots=True)
class Results:
    """The table, made of the journal."""

    entries: Sequence[Entry]
    columns: Sequence[Column]
    journal: Journal

    def rows(self, waiting: Container[str]) -> Iterator[list[Cell]]:
        """A row for each entry. `waiting`: ids of entries whose earlier result does not hold."""
        for entry in self.entries:
            record = None if entry.id in waiting else self.journal.record(entry.id)
            record = record or Record(entry.id, "waiting", "", "", "")
            yield [column.of(entry, record) for column in self.columns]

    def write_csv(self, path: Path, waiting: Container[str]) -> None:
        """Writes CSV in UTF-8, complete or not at all; texts are safe to open in a spreadsheet."""
        with replacing(path) as file:
            text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow([text_cell(column.name) for column in self.columns])
            for row in self.rows(waiting):
                writer.writerow([text_cell(c) if isinstance(c, str) else c for c in row])
            text.flush()
            text.detach()


def _input(channel: str, name: str) -> Column:
    return Column(name, str, lambda entry, _: str(entry.channels[channel].path))


def _carried(name: str) -> Column:
    return Column(name, str, lambda entry, _: entry.columns.get(name, ""))


def _fact(name: str, kind: type[str] | type[int] | type[float], fact: str) -> Column:
    return Column(name, kind, lambda _, record: record.facts.get(fact))


def _texts(name: str) -> Column:
    return Column(name, str, lambda _, record: " ".join(record.facts.get(name, ())) or None)


def _kinds(record: Record) -> Iterable[str]:
    """Of the doubts, each once."""
    return dict.fromkeys(record.facts.get("doubts", ()))


_ID = Column("id", str, lambda entry, _: entry.id)
_ATTEMPT = (
    Column("state", str, lambda _, record: record.state),
    Column("problem_type", str, lambda _, record: record.problem.get("type")),
    Column("problem", str, lambda _, record: record.problem.get("text")),
    Column("mask", str, lambda _, record: record.mask or None),
    Column("finished_at", str, lambda _, record: record.finished_at or None),
    _fact("seconds", float, "seconds"),
    _fact("model", str, "model"),
    _fact("model_version", str, "version"),
    _fact("device", str, "device"),
    _fact("precision", str, "precision"),
    Column("doubts", str, lambda _, record: " ".join(_kinds(record)) or None),
    _texts("uncompared"),
    _texts("warnings"),
)


def _of_labels(card: AnyCard) -> Iterator[Column]:
    """Voxels and millilitres of each label of a volume; pixels and mm2 of an image."""
    if card.instances is not None:
        yield _fact("objects", int, "objects")
    count, size, fact = (
        ("voxels", "ml", "volume_ml") if card.dimension == 3 else ("pixels", "mm2", "area_mm2")
    )
    names = Counter(_name(label.name) for label in card.labels)
    for label in card.labels:
        name = _name(label.name)
        name = name if names[name] == 1 else f"{name}_{label.value}"
        yield Column(f"{name}_{count}", int, _measured(label.value, "voxels"))
        yield Column(f"{name}_{size}", float, _measured(label.value, fact))


def _measured(value: int, fact: str) -> Callable[[Entry, Record], Cell]:
    def cell(_entry: Entry, record: Record) -> Cell:
        rows: Sequence[Mapping[str, Any]] = record.facts.get("labels", ())
        return next((row.get(fact) for row in rows if row.get("value") == value), None)

    return cell


def _name(label: str) -> str:
    """A label's name as part of a column's: `left_lung` of `Left lung`."""
    return re.sub(r"\W+", "_", label.lower()).strip("_") or "label"
