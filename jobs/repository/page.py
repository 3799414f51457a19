"""Lists by page: a cursor names the last row seen, so rows that come in meanwhile move nothing."""

from typing import Any

from sqlalchemy import Connection, Select, Table

from imaging.errors import BadRequest
from jobs.repository.schema import Row


def newest_first(
    connection: Connection, query: "Select[Any]", table: Table, cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """At most `limit` rows of `query`, and the cursor of the next page, None at the end."""
    if cursor is not None:
        query = query.where(table.c.seq < _seq(cursor))
    rows = connection.execute(query.order_by(table.c.seq.desc()).limit(limit + 1)).mappings().all()
    more = len(rows) > limit
    return list(rows[:limit]), str(rows[limit - 1]["seq"]) if more else None


def _seq(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise BadRequest(
            "The cursor is none that a list gave.",
            expected="The next_cursor of the page before.",
            hint="Begin the list again without a cursor.",
        )
    return int(cursor)
