"""Counts of jobs that triggers keep, workers that announce themselves, indexes of waiting jobs.

Triggers, not Tessera's statements, write the counts: gateways and workers of an earlier version
still run during a rolling upgrade, and do not know the table. Every change of a job inserts rows
and updates none, so that no transaction waits for another one's count. Alembic's batch mode on
SQLite drops the triggers of the table that it copies: a later migration that uses it for `jobs`
must create them again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008_project"
down_revision = "0007_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_QUEUED = "state = 'queued'"
_DESCENDING = sa.text("priority DESC")
_PARTIAL: dict[str, tuple[list[Any], str]] = {
    "jobs_waiting": (["queue", _DESCENDING, "seq", "model", "voxels"], _QUEUED),
    "jobs_without_message": ([_DESCENDING, "seq", "queue"], f"{_QUEUED} AND sent_at IS NULL"),
    "jobs_sent": (["queue", "sent_at"], _QUEUED),
    "jobs_held": (["lease_until"], "state = 'running'"),
}
"""Indexes of the jobs that are not finished, which stay small."""
_NEW = {
    "jobs_list_by_model": ["project", "model", "seq"],
    "jobs_list_by_batch": ["project", "batch", "seq"],
}
_OLD = {
    "jobs_of_batch": ["batch", "seq"],
    "jobs_places": ["state", "priority", "seq"],
    "jobs_unsent": ["state", "sent_at"],
    "jobs_messages": ["state", "queue", "sent_at"],
    "jobs_leased": ["state", "lease_until"],
}
"""Dropped: without statistics, SQLite prefers an index of all states even to unique ids."""

_KEY = "state, queue, model, priority, block"
_COUNTED = ("state", "queue", "model", "priority", "voxels")
"""Columns of a job that its count depends on."""


def upgrade() -> None:
    _job_counts()
    (_sqlite_triggers if _on_sqlite() else _postgres_triggers)()
    op.execute(
        f"""INSERT INTO job_counts ({_KEY}, jobs, voxels)
        SELECT {_place("jobs")}, count(*), sum(voxels) FROM jobs GROUP BY 1, 2, 3, 4, 5"""  # noqa: S608
    )
    _workers()
    _indexes()


def downgrade() -> None:
    for name in ("inserted", "changed", "deleted"):
        on_table = "" if _on_sqlite() else " ON jobs"
        op.execute(f"DROP TRIGGER jobs_counted_{name}{on_table}")
    if not _on_sqlite():
        op.execute("DROP FUNCTION count_job()")
    op.drop_table("job_counts")
    op.drop_table("workers")
    for name in (*_PARTIAL, *_NEW):
        op.drop_index(name, "jobs")
    for name, columns in _OLD.items():
        op.create_index(name, "jobs", columns)


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _job_counts() -> None:
    op.create_table(
        "job_counts",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.Column("voxels", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _place(row: str) -> str:
    """The key of a job's count: only waiting jobs are told apart by priority and block."""
    waits = f"{row}.state = 'queued'"
    return (
        f"{row}.state, {row}.queue, {row}.model, "
        f"CASE WHEN {waits} THEN {row}.priority ELSE 0 END, "
        f"CASE WHEN {waits} THEN {row}.seq / 256 ELSE 0 END"
    )


def _add(row: str, sign: str) -> str:
    return (
        f"INSERT INTO job_counts ({_KEY}, jobs, voxels) "  # noqa: S608
        f"VALUES ({_place(row)}, {sign}1, {sign}{row}.voxels);"
    )


def _changed() -> str:
    return " OR ".join(f"OLD.{name} <> NEW.{name}" for name in _COUNTED)


def _sqlite_triggers() -> None:
    columns = ", ".join(_COUNTED)
    for name, when, statements in (
        ("inserted", "INSERT ON jobs", _add("NEW", "")),
        (
            "changed",
            f"UPDATE OF {columns} ON jobs WHEN {_changed()}",
            _add("OLD", "-") + _add("NEW", ""),
        ),
        ("deleted", "DELETE ON jobs", _add("OLD", "-")),
    ):
        op.execute(f"CREATE TRIGGER jobs_counted_{name} AFTER {when} BEGIN {statements} END")


def _postgres_triggers() -> None:
    op.execute(
        f"""CREATE FUNCTION count_job() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN {_add("OLD", "-")} END IF;
            IF TG_OP <> 'DELETE' THEN {_add("NEW", "")} END IF;
            RETURN NULL;
        END $$"""
    )
    columns = ", ".join(_COUNTED)
    for name, event, condition in (
        ("inserted", "INSERT", ""),
        ("changed", f"UPDATE OF {columns}", f"WHEN ({_changed()})"),
        ("deleted", "DELETE", ""),
    ):
        op.execute(
            f"CREATE TRIGGER jobs_counted_{name} AFTER {event} ON jobs "
            f"FOR EACH ROW {condition} EXECUTE FUNCTION count_job()"
        )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queues", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _indexes() -> None:
    for name, (columns, where) in _PARTIAL.items():
        condition = sa.text(where)
        op.create_index(name, "jobs", columns, sqlite_where=condition, postgresql_where=condition)
    for name, columns in _NEW.items():
        op.create_index(name, "jobs", columns)
    for name in _OLD:
        op.drop_index(name, "jobs")
