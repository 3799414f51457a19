"""All rows of all tables, for backups: read in one snapshot, and written in place of others.

The tables are those that the database has, not those of the newest revision, so that a database of
an earlier version can be read and written, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Column, Connection, MetaData, Table, func, insert, select, text

Row = Mapping[str, Any]
"""A row of any table."""
ROWS_AT_ONCE = 200
"""Rows that are in memory at the same time. A report of a job may take megabytes."""
OF_THE_MOMENT = (
    *("workers", "viewers", "provider_sessions", "browser_sessions", "setup_links"),
    "sign_in_failures",
)
"""Tables of what runs, is open or is valid now, which a backup leaves out. No other table refers to
them."""
_REVISION = "alembic_version"


def tables_of(connection: Connection) -> list[Table]:
    """The tables of a backup, each after those that its rows refer to."""
    known = MetaData()
    known.reflect(connection)
    tables = [table for table in known.sorted_tables if table.name != _REVISION]
    for table in tables:
        for column in table.c:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return [table for table in tables if table.name not in OF_THE_MOMENT]


def stored_columns(table: Table) -> "list[Column[object]]":
    """The columns that the database does not compute."""
    return [column for column in table.c if column.computed is None]


def rows_of(connection: Connection, table: Table) -> Iterator[Row]:
    """All rows, in the order of the primary key."""
    query = select(*stored_columns(table)).order_by(*table.primary_key.columns)
    streamed = query.execution_options(yield_per=ROWS_AT_ONCE)
    for row in connection.execute(streamed):
        yield row._asdict()


def count(connection: Connection, table: Table) -> int:
    """The number of rows."""
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def replace_rows(
    connection: Connection, contents: Mapping[str, Iterable[Row]]
) -> Mapping[str, int]:
    """Deletes all rows and inserts these (table -> rows); returns how many rows each table has.

    No trigger runs: what triggers write is a part of the rows.
    """
    tables = tables_of(connection)
    with _without_triggers(connection, tables):
        for table in reversed(tables):
            connection.execute(table.delete())
        counts = {
            table.name: _insert(connection, table, contents[table.name])
            for table in tables
            if table.name in contents
        }
    if not _on_sqlite(connection):
        _continue_sequences(connection, tables)
    return counts


def delete_rows(connection: Connection) -> None:
    """Deletes all rows of all tables, and those of the moment."""
    existing = MetaData()
    existing.reflect(connection)
    for name in OF_THE_MOMENT:  # they refer to other tables
        if name in existing.tables:
            connection.execute(existing.tables[name].delete())
    replace_rows(connection, {})


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    number, group = 0, list[Row]()
    for row in rows:
        group.append(row)
        if len(group) == ROWS_AT_ONCE:
            connection.execute(insert(table), group)
            number, group = number + len(group), []
    if group:
        connection.execute(insert(table), group)
    return number + len(group)


def _on_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


@contextmanager
def _without_triggers(connection: Connection, tables: Iterable[Table]) -> Iterator[None]:
    if not _on_sqlite(connection):
        for table in tables:
            connection.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
        yield
        for table in tables:
            connection.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))
        return
    triggers = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ).all()
    for trigger in triggers:
        connection.execute(text(f'DROP TRIGGER "{trigger.name}"'))
    yield
    for trigger in triggers:
        connection.exec_driver_sql(trigger.sql)


def _continue_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Makes the next rows follow those that were inserted with their numbers."""
    for table in tables:
        for column in table.primary_key.columns:
            if column.type.python_type is not int:
                continue
            place = {"table": f'"{table.name}"', "column": column.name}
            query = text("SELECT pg_get_serial_sequence(:table, :column)")
            sequence = connection.execute(query, place).scalar_one()
            highest = connection.execute(select(func.max(column))).scalar_one()
            if sequence is not None:
                connection.execute(
                    text("SELECT setval(CAST(:name AS regclass), coalesce(:highest, 1), :used)"),
                    {"name": sequence, "highest": highest, "used": highest is not None},
                )
