"""Lists by page. A cursor names the last row of a page, so new rows do not shift later pages."""

from typing import Any

from sqlalchemy import Connection, Select, Table

from imaging.errors import BadRequest
from jobs.repository.rows import Row


def newest_first(
    connection: Connection, query: "Select[Any]", table: Table, cursor: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """At most `limit` rows of `query`, and the cursor of the next page (None on the last page)."""
    if cursor is not None:
        query = query.where(table.c.seq < _sequence_number(cursor))
    rows = connection.execute(query.order_by(table.c.seq.desc()).limit(limit + 1)).mappings().all()
    more = len(rows) > limit
    return list(rows[:limit]), str(rows[limit - 1]["seq"]) if more else None


def _sequence_number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise BadRequest(
            "The cursor is not valid.",
            expected="The next_cursor of the previous page.",
            hint="Request the list again without a cursor.",
        )
    return int(cursor)
