"""The metadata object and the parts that tables are made of: types, columns, partial indexes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    FromClause,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    false,
    literal,
)

metadata = MetaData()

Serial = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True)


def serial() -> "Column[int]":
    """The order of insertion, which lists, cursors and the queue use."""
    return Column("seq", Serial, primary_key=True, autoincrement=True)


def lease_columns() -> "list[Column[Any]]":
    """The columns of work that workers claim and keep by a lease; see `steps`."""
    return [
        Column("state", String(16), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("fence", Integer, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("worker", Text),
        Column("lease_until", Double),
        Column("sent_at", Double),
        Column("started_at", Double),
        Column("finished_at", Double),
        Column("error", Json),
        Column("counted", Boolean, nullable=False, server_default=false()),
        Column("waiting_for", String(32)),
    ]


def model_of_project() -> "list[Column[Any]]":
    """A project, and the name and version of a model."""
    return [
        Column("project", Text, nullable=False),
        Column("model", String(64), nullable=False),
        Column("model_version", Text, nullable=False),
    ]


def in_state(table: FromClause, state: StrEnum) -> "ColumnElement[bool]":
    """The value is part of the statement, not a parameter: only then do the databases recognise
    the condition of a partial index."""
    return table.c.state == literal(state.value, literal_execute=True)


def one_of(column: "Column[Any]", values: Iterable[str]) -> "ColumnElement[bool]":
    """The values are part of the statement, as in `in_state`."""
    return column.in_([literal(str(value), literal_execute=True) for value in values])


def partial_index(name: str, where: "ColumnElement[bool]", *columns: Any) -> None:
    """Adds an index over the rows that meet a condition."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)
