"""Tallies for metrics that triggers keep, and indexes that find the oldest waiting rows.

A tally is a row that says "one more" or "one less"; a figure is a sum. As with the counts of
revision 8, triggers write them, so that jobs of a worker of an earlier version count, too, and no
transaction waits for another one's tally. A trigger that failed would refuse the change of the job:
texts are cut to the length of their columns, and what is no number counts as 0.

Finished jobs of earlier versions are not counted. What exists at the upgrade is: waiting jobs,
scans, deliveries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010_project"
down_revision = "0009_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BUCKETS_S = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_UNBOUNDED_S = 1e9
_WAITING = "deliveries_waiting"
_OLDEST = "jobs_oldest"


@dataclass(frozen=True)
class _Tally:
    """The rows of a table that meet a condition, counted by some columns.

    In its texts, `{row}` stands for the row.
    """

    subject: str
    columns: Mapping[str, str]
    """Column of `tallies` -> value."""
    where: str = "1 = 1"
    size: str = ""
    """Added up, if it is not empty."""

    def added(self, row: str, sign: str) -> str:
        """The statement of a trigger for one row."""
        where = self.where.format(row=row)
        return self._insert(row, f"{sign}1", f"{sign}{{size}}", f"WHERE {where}") + ";"

    def existing(self, table: str) -> str:
        """The statement that counts the rows that exist."""
        where = self.where.format(row=table)
        columns = ", ".join(self._columns(table).values())
        rest = f"FROM {table} WHERE {where} GROUP BY {columns}"
        return self._insert(table, "count(*)", "sum({size})", rest)

    def _columns(self, row: str) -> dict[str, str]:
        return {name: value.format(row=row) for name, value in self.columns.items()}

    def _insert(self, row: str, number: str, size: str, rest: str) -> str:
        values = self._columns(row) | {"number": number}
        if self.size:
            values["size"] = size.format(size=self.size.format(row=row))
        return (
            f"INSERT INTO tallies (subject, {', '.join(values)}) "
            f"SELECT '{self.subject}', {', '.join(values.values())} {rest}"
        )


_JOBS_WAITING = _Tally(
    "waiting",
    {"project": "{row}.project", "model": "{row}.model", "queue": "{row}.queue"},
    where="{row}.state = 'queued'",
    size="{row}.voxels",
)
_SCANS = _Tally("scan", {"project": "{row}.project"}, size="{row}.bytes")
_DELIVERIES = _Tally("delivery", {"peer": "{row}.destination", "state": "{row}.state"})
_COMMITMENTS = _Tally(
    "commitment",
    {"peer": "{row}.destination", "state": "{row}.commitment"},
    where="{row}.commitment IS NOT NULL",
)
_COUNTED: Mapping[str, tuple[tuple[_Tally, ...], tuple[str, ...]]] = {
    "jobs": ((_JOBS_WAITING,), ("state", "project", "model", "queue", "voxels")),
    "scans": ((_SCANS,), ("project", "bytes")),
    "deliveries": ((_DELIVERIES, _COMMITMENTS), ("state", "destination", "commitment")),
}
"""Table -> its tallies, and the columns that they depend on."""


def upgrade() -> None:
    _table()
    for table, (tallies, columns) in _COUNTED.items():
        added = " ".join(tally.added("NEW", "") for tally in tallies)
        removed = " ".join(tally.added("OLD", "-") for tally in tallies)
        ended = _run() if table == "jobs" else ""
        _triggers(table, columns, added, removed, ended)
        for tally in tallies:
            op.execute(tally.existing(table))
    _index(_OLDEST, "jobs", ["project", "model", "queue", "created_at"], "state = 'queued'")
    order = ["destination", sa.text("attempts DESC"), "seq"]
    _index(_WAITING, "deliveries", order, "state = 'waiting'")


def downgrade() -> None:
    op.drop_index(_WAITING, "deliveries")
    op.drop_index(_OLDEST, "jobs")
    for table in _COUNTED:
        for event in ("inserted", "changed", "deleted"):
            on_table = "" if _on_sqlite() else f" ON {table}"
            op.execute(f"DROP TRIGGER {table}_tallied_{event}{on_table}")
        if not _on_sqlite():
            op.execute(f"DROP FUNCTION tally_{table}()")
    op.drop_table("tallies")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _table() -> None:
    texts: dict[str, Any] = {
        "project": sa.Text(),
        "model": sa.String(64),
        "queue": sa.String(16),
        "peer": sa.String(64),
        "state": sa.String(16),
        "kind": sa.String(64),
        "device": sa.String(32),
        "precision": sa.String(16),
    }
    figures: dict[str, Any] = {
        "bucket_s": sa.Double(),
        "size": sa.BigInteger(),
        "seconds": sa.Double(),
        "tiles": sa.BigInteger(),
        "network_s": sa.Double(),
    }
    op.create_table(
        "tallies",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        *(sa.Column(n, kind, nullable=False, server_default="") for n, kind in texts.items()),
        *(sa.Column(n, kind, nullable=False, server_default="0") for n, kind in figures.items()),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _run() -> str:
    """The statement that tallies the end of a claim: the job ended, or returned to its queue."""
    seconds = "coalesce(NEW.finished_at - NEW.started_at, 0)"
    bounds = " ".join(f"WHEN {seconds} <= {bound} THEN {bound}" for bound in _BUCKETS_S)
    values = {
        "model": "NEW.model",
        "queue": "NEW.queue",
        "state": "CASE WHEN NEW.state = 'queued' THEN 'returned' ELSE NEW.state END",
        "kind": f"coalesce(substr({_text('error', 'type')}, 13, 64), '')",  # after urn:tessera:
        "device": f"coalesce(substr({_text('report', 'device')}, 1, 32), '')",
        "precision": f"coalesce(substr({_text('report', 'precision')}, 1, 16), '')",
        "bucket_s": f"CASE {bounds} ELSE {_UNBOUNDED_S} END",
        "number": "1",
        "seconds": f"CASE WHEN {seconds} > 0 THEN {seconds} ELSE 0 END",
        "tiles": "NEW.tiles_done",
        "network_s": _number("report", "seconds", "network"),
    }
    return (
        f"INSERT INTO tallies (subject, {', '.join(values)}) "
        f"SELECT 'run', {', '.join(values.values())} "
        "WHERE OLD.state = 'running' AND NEW.state <> 'running';"
    )


def _text(column: str, *path: str) -> str:
    """A text in a JSON column, NULL if there is none."""
    if _on_sqlite():
        return f"json_extract(NEW.{column}, '$.{'.'.join(path)}')"
    return f"(NEW.{column} #>> '{{{','.join(path)}}}')"


def _number(column: str, *path: str) -> str:
    """A number in a JSON column, 0 if there is none."""
    if _on_sqlite():
        place = f"NEW.{column}, '$.{'.'.join(path)}'"
        kinds, value = "'integer', 'real'", f"json_extract({place})"
        return f"CASE WHEN json_type({place}) IN ({kinds}) THEN {value} ELSE 0 END"
    place = f"'{{{','.join(path)}}}'"
    value = f"CAST(NEW.{column} #>> {place} AS double precision)"
    return f"CASE WHEN json_typeof(NEW.{column} #> {place}) = 'number' THEN {value} ELSE 0 END"


def _triggers(table: str, columns: tuple[str, ...], added: str, removed: str, ended: str) -> None:
    update = f"UPDATE OF {', '.join(columns)}"
    differs = "IS NOT" if _on_sqlite() else "IS DISTINCT FROM"
    changed = " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in columns)
    events = {
        "inserted": ("INSERT", "", added),
        "changed": (
            update,
            f"WHEN ({changed})",
            removed + added + ended,
        ),
        "deleted": ("DELETE", "", removed),
    }
    if not _on_sqlite():
        op.execute(
            f"""CREATE FUNCTION tally_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP <> 'INSERT' THEN {removed} END IF;
                IF TG_OP <> 'DELETE' THEN {added} END IF;
                IF TG_OP = 'UPDATE' THEN {ended or "NULL;"} END IF;
                RETURN NULL;
            END $$"""
        )
    for name, (event, condition, statements) in events.items():
        body = f"BEGIN {statements} END" if _on_sqlite() else f"EXECUTE FUNCTION tally_{table}()"
        op.execute(
            f"CREATE TRIGGER {table}_tallied_{name} AFTER {event} ON {table} "
            f"FOR EACH ROW {condition} {body}"
        )


def _index(name: str, table: str, columns: list[Any], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
