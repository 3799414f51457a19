"""What a batch has done: one line for each attempt, appended when it has ended.

The table of results is made of it. A line that a crash or a power cut left incomplete is ignored,
so its scan counts as not done.
"""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

from imaging.formats.atomic import raising_storage_full

State = Literal["succeeded", "failed", "waiting"]
"""`waiting` is not in the journal: it is the state of a scan that has no result."""

_ENDED = ("succeeded", "failed")


@dataclass(frozen=True, slots=True)
class Record:
    """How an attempt ended."""

    id: str
    """Id of the entry."""
    state: State
    fingerprint: str
    """Of the scan's files, before they were read."""
    settings: str
    """Of the model and the options, see `cli.batch.plan`."""
    finished_at: str
    """Time in UTC, ISO 8601."""
    mask: str = ""
    """Path below the output folder."""
    problem: Mapping[str, str] = field(default_factory=dict)
    """`type` and `text` of a failure."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the report states of a mask, see `cli.batch.attempt`."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last attempt of a scan, as far as it is kept in memory."""

    state: State
    fingerprint: str
    settings: str
    mask: str
    failures: int
    """Number of attempts that have failed."""
    offset: int
    """Of its line, in bytes."""


class Journal:
    """A file of records; only one process writes to it."""

    def __init__(self, path: Path) -> None:
        """Reads what there is, and creates the file if there is none."""
        self._last: dict[str, Last] = {}
        self.batch = ""
        """A random id of the batch."""
        self._file = path.open("ab", buffering=0)
        self._reader = path.open("rb")
        self._load()
        if not self.batch:
            self.batch = uuid4().hex
            self._write({"batch": self.batch})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.close()
        os.fsync(self._file.fileno())
        self._file.close()

    def last(self, entry: str) -> Last | None:
        """The last attempt of the entry with this id."""
        return self._last.get(entry)

    def record(self, entry: str) -> Record | None:
        """The record of the last attempt of the entry with this id."""
        last = self._last.get(entry)
        if last is None:
            return None
        self._reader.seek(last.offset)
        return _record(json.loads(self._reader.readline()))

    def append(self, record: Record) -> None:
        """Adds a record; raises StorageFull."""
        self._note(record, self._write(asdict(record)))

    def _load(self) -> None:
        offset, line = 0, b"\n"
        for line in self._reader:
            self._read(line, offset)
            offset += len(line)
        if not line.endswith(b"\n"):
            self._file.write(b"\n")  # the next record begins on a line of its own

    def _read(self, line: bytes, offset: int) -> None:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        self.batch = value.get("batch", self.batch)
        record = _record(value)
        if record is not None:
            self._note(record, offset)

    def _note(self, record: Record, offset: int) -> None:
        before = self._last.get(record.id)
        failures = (before.failures if before else 0) + (record.state == "failed")
        self._last[record.id] = Last(
            record.state, record.fingerprint, record.settings, record.mask, failures, offset
        )

    def _write(self, value: Mapping[str, Any]) -> int:
        """Appends a line with one call of the system; returns its offset."""
        offset = self._file.seek(0, os.SEEK_END)
        line = json.dumps(value).encode() + b"\n"
        with raising_storage_full():
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return offset


def _record(value: Mapping[str, Any]) -> Record | None:
    """The record in a line; None where it holds none."""
    names = [one.name for one in fields(Record)]
    if not isinstance(value.get("id"), str) or value.get("state") not in _ENDED:
        return None
    try:
        return Record(**{name: value[name] for name in names if name in value})
    except TypeError:
        return None
