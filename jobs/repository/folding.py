"""Folding: tables whose figures are sums of rows stay short."""

from collections import defaultdict

from sqlalchemy import Table, delete, func, insert, select

from jobs.repository.database import Database

_SPARE_ROWS = 500
"""Rows that are left until they are worth the write of their sums."""


def fold(database: Database, table: Table, figures: tuple[str, ...]) -> None:
    """Replaces rows that differ in their `figures` alone by one row, if there are many.

    Rows whose sums are all 0 are deleted.
    """
    names = [column.name for column in table.c if column.name not in (*figures, "seq")]
    key, values = [table.c[name] for name in names], [table.c[name] for name in figures]
    groups = select(func.count().label("rows")).select_from(table).group_by(*key)
    spare = select(func.sum(groups.subquery().c.rows - 1))
    with database.read() as connection:
        if (connection.execute(spare).scalar_one() or 0) < _SPARE_ROWS:
            return
    with database.write() as connection:
        database.lock(connection, f"fold {table.name}")
        sums: dict[tuple[object, ...], list[float]] = defaultdict(lambda: [0] * len(figures))
        for row in connection.execute(delete(table).returning(*key, *values)):
            total = sums[tuple(row[: len(key)])]
            for n, value in enumerate(row[len(key) :]):
                total[n] += value
        rows = [
            dict(zip((*names, *figures), (*group, *total), strict=True))
            for group, total in sums.items()
            if any(total)
        ]
        if rows:
            connection.execute(insert(table), rows)
