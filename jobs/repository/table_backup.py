"""The database as a whole: read in one state, and replaced."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from alembic import command
from sqlalchemy import Connection, LargeBinary, Table, func, inspect, select

from imaging.counted import counted
from imaging.errors import BadRequest, Conflict
from jobs.repository.database import Database
from jobs.repository.references import referenced
from jobs.repository.revision import known_revisions, revision_of, to_be_upgraded
from jobs.repository.schema.worker_tables import workers
from jobs.repository.table_rows import (
    Row,
    count,
    delete_rows,
    replace_rows,
    rows_of,
    stored_columns,
    tables_of,
)
from jobs.repository.workers import SILENT_S

_BOOKKEEPING = ("schema_support", "tallies", "job_counts")
"""Tables with rows in a database that nobody has used."""
_FIRST_ROWS = {"projects": 1, "audit_head": 1}
"""Tables that have so many rows from the beginning."""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table as the database has it."""

    name: str
    columns: tuple[str, ...]
    """Those that the database does not compute."""
    binary: tuple[str, ...]
    """Those of bytes."""
    table: Table

    @classmethod
    def of(cls, table: Table) -> Self:
        """Describes a table that was read from the database."""
        columns = stored_columns(table)
        binary = (one.name for one in columns if isinstance(one.type, LargeBinary))
        return cls(table.name, tuple(one.name for one in columns), tuple(binary), table)


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """One state of the database, which can be read while the transaction is open."""

    revision: str
    """Of the schema."""
    tables: tuple[StoredTable, ...]
    """In an order in which rows can be inserted."""
    _connection: Connection

    def rows(self, table: StoredTable) -> Iterator[Row]:
        """All rows of a table; JSON as Python's values."""
        return rows_of(self._connection, table.table)

    def blobs(self) -> list[str]:
        """The names of all blobs that rows refer to, sorted."""
        return referenced(self._connection, [one.table for one in self.tables])


class TableBackup:
    """Reads and replaces the rows of all tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: tuple[str, tuple[StoredTable, ...]] | None = None

    @contextmanager
    def state(self) -> Iterator[DatabaseState]:
        """The present state; raises BadRequest for a database that this version cannot read as a
        whole: it is empty, or of a later version or of another program."""
        revision, tables = self._known_tables()
        with self._database.snapshot() as connection:
            if revision_of(connection) != revision:
                raise Conflict(
                    "The database is being upgraded.",
                    expected="A schema that stays the same during a backup.",
                    hint="Try again when all gateways and workers have started.",
                )
            yield DatabaseState(revision, tables, connection)

    def _known_tables(self) -> tuple[str, tuple[StoredTable, ...]]:
        """The revision of the schema, and its tables, which are read once. That takes a while, and
        a snapshot is to be young when its blobs are copied."""
        if self._tables is None:
            with self._database.read() as connection:
                revision = revision_of(connection)
                if revision is None or revision not in known_revisions():
                    raise BadRequest(
                        "The database is not one that this version of Tessera knows.",
                        expected="A database of this version or of an earlier one.",
                        hint="Run the command of the newest version that uses the database, and "
                        "check TESSERA_DATA and TESSERA_DATABASE_URL.",
                    )
                self._tables = revision, tuple(map(StoredTable.of, tables_of(connection)))
        return self._tables

    def check_replaceable(self, *, in_use: bool) -> None:
        """Raises Conflict unless the database is empty or `in_use` may be replaced, and while
        workers run."""
        with self._database.changing_schema() as (connection, _):
            self._check_replaceable(connection, in_use=in_use)

    def replace(
        self, revision: str, rows: Mapping[str, Iterable[Row]], *, in_use: bool
    ) -> Mapping[str, int]:
        """Puts rows of a schema of this revision in place of all others, and upgrades the schema.

        Returns how many rows each table got. Nothing changes if an error occurs. `in_use`: the
        database may have rows, which are deleted. Raises as `check_replaceable` does.
        """
        with self._database.changing_schema() as (connection, config):
            self._check_replaceable(connection, in_use=in_use)
            if revision_of(connection) is not None:
                delete_rows(connection)
            command.upgrade(config, "head")
            if revision != known_revisions()[0]:
                command.downgrade(config, revision)
            counts = replace_rows(connection, rows)
            command.upgrade(config, "head")
            self._tables = None
            return counts

    def _check_replaceable(self, connection: Connection, *, in_use: bool) -> None:
        if not to_be_upgraded(connection):
            raise BadRequest(
                "The database is of a later version of Tessera.",
                expected="A database of this version or of an earlier one.",
                hint="Restore with the later version, or into an empty database.",
            )
        if revision_of(connection) is None:
            return
        tables = [one for one in tables_of(connection) if one.name not in _BOOKKEEPING]
        counts = {table.name: count(connection, table) for table in tables}
        number = sum(max(0, rows - _FIRST_ROWS.get(name, 0)) for name, rows in counts.items())
        if number and not in_use:
            raise Conflict(
                f"The database is not empty: it has {counted(number, 'row')}.",
                expected="An empty database.",
                hint="Set TESSERA_DATA or TESSERA_DATABASE_URL to a new one. With --replace, what "
                "is in the database is deleted first.",
            )
        self._check_no_workers(connection)

    def _check_no_workers(self, connection: Connection) -> None:
        if not inspect(connection).has_table(workers.name):  # a database of an early version
            return
        since = self._database.clock(connection) - SILENT_S
        query = select(func.count()).select_from(workers).where(workers.c.seen_at >= since)
        if running := connection.execute(query).scalar_one():
            raise Conflict(
                f"Workers use the database: {running:,}.",
                expected="A database that no gateway and no worker uses.",
                hint=f"Stop all gateways and workers. If one was killed, wait {SILENT_S:g} s.",
            )
