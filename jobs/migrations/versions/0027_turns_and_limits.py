"""Projects take turns in a queue, and have limits.

For turns: counts of waiting jobs by project, the starts of jobs, an index by project. For limits:
their table, and tallies of the bytes of masks. Triggers keep all of it, also for workers of an
earlier version; but masks that these store, and earlier ones, count no bytes. A gateway of an
earlier version that folds the counts loses the projects of waiting jobs; `Figures.fold` counts
those again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027_project"
down_revision = "0026_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY = ("state", "queue", "model", "priority", "block")
_COUNTED = ("state", "queue", "model", "priority", "voxels")
"""Columns of a job that its count depends on, as in migration 0008."""


def upgrade() -> None:
    op.execute("ALTER TABLE job_counts ADD COLUMN project TEXT NOT NULL DEFAULT ''")
    _create_starts()
    _replace_triggers(by_project=True)
    _count_again(by_project=True)
    order = ["queue", sa.text("priority DESC"), "project", "seq"]
    _partial_index("jobs_in_turn", "jobs", order, "state = 'queued'")
    _create_limits()
    _count_masks()
    _partial_index("tallies_of_storage", "tallies", ["project"], "subject IN ('scan', 'mask')")


def downgrade() -> None:
    op.drop_index("tallies_of_storage", "tallies")
    _forget_masks()
    op.drop_table("project_limits")
    op.drop_index("jobs_in_turn", "jobs")
    _replace_triggers(by_project=False)
    op.drop_table("job_starts")
    op.execute("ALTER TABLE job_counts DROP COLUMN project")
    _count_again(by_project=False)


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _create_starts() -> None:
    op.create_table(
        "job_starts",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    key = ["queue", "priority", "project", "seq"]
    op.create_index("job_starts_of_project", "job_starts", key)


def _count_again(*, by_project: bool) -> None:
    names = ", ".join((*_KEY, "project") if by_project else _KEY)
    project = ", project" if by_project else ""
    op.execute("DELETE FROM job_counts WHERE state = 'queued'")
    op.execute(
        f"""INSERT INTO job_counts ({names}, jobs, voxels)
        SELECT state, queue, model, priority, seq / 256{project}, count(*), sum(voxels)
        FROM jobs WHERE state = 'queued'
        GROUP BY state, queue, model, priority, seq / 256{project}"""  # noqa: S608
    )


def _add(row: str, sign: str, *, by_project: bool) -> str:
    """As in migration 0008: only waiting jobs are told apart by priority, block and project."""
    waits = f"{row}.state = 'queued'"
    values = [
        *(f"{row}.{name}" for name in ("state", "queue", "model")),
        f"CASE WHEN {waits} THEN {row}.priority ELSE 0 END",
        f"CASE WHEN {waits} THEN {row}.seq / 256 ELSE 0 END",
        *([f"CASE WHEN {waits} THEN {row}.project ELSE '' END"] if by_project else []),
        f"{sign}1",
        f"{sign}{row}.voxels",
    ]
    names = (*_KEY, *(["project"] if by_project else []), "jobs", "voxels")
    return f"INSERT INTO job_counts ({', '.join(names)}) VALUES ({', '.join(values)});"  # noqa: S608


def _started(*, by_project: bool) -> str:
    if not by_project:
        return ""
    return (
        "INSERT INTO job_starts (queue, priority, project) "
        "SELECT NEW.queue, NEW.priority, NEW.project "
        "WHERE OLD.state = 'queued' AND NEW.state = 'running';"
    )


def _replace_triggers(*, by_project: bool) -> None:
    removed = _add("OLD", "-", by_project=by_project)
    added = _add("NEW", "", by_project=by_project)
    started = _started(by_project=by_project)
    if not _on_sqlite():
        op.execute(
            f"""CREATE OR REPLACE FUNCTION count_job() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP <> 'INSERT' THEN {removed} END IF;
                IF TG_OP <> 'DELETE' THEN {added} END IF;
                IF TG_OP = 'UPDATE' THEN {started or "NULL;"} END IF;
                RETURN NULL;
            END $$"""
        )
        return
    changed = " OR ".join(f"OLD.{name} <> NEW.{name}" for name in _COUNTED)
    for name, when, statements in (
        ("inserted", "INSERT ON jobs", added),
        (
            "changed",
            f"UPDATE OF {', '.join(_COUNTED)} ON jobs WHEN {changed}",
            removed + added + started,
        ),
        ("deleted", "DELETE ON jobs", removed),
    ):
        op.execute(f"DROP TRIGGER jobs_counted_{name}")
        op.execute(f"CREATE TRIGGER jobs_counted_{name} AFTER {when} BEGIN {statements} END")


def _partial_index(name: str, table: str, columns: list[Any], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _create_limits() -> None:
    op.create_table(
        "project_limits",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger()),
        sa.Column("waiting_jobs", sa.BigInteger()),
        sa.Column("requests_per_minute", sa.Integer()),
        sa.PrimaryKeyConstraint("project"),
    )


_OF_JOB = "(SELECT project FROM jobs WHERE id = {row}.job)"
_OF_SCAN = "(SELECT project FROM scans WHERE id = {row}.scan)"
_MASKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "jobs": ("{row}.project", ("UPDATE OF mask_bytes", "DELETE")),
    "reviews": (f"coalesce({_OF_JOB}, {_OF_SCAN}, '')", ("INSERT", "DELETE")),
}
"""Table -> the project of a row, and what changes its bytes. A job is inserted without a mask, and
deleted after its reviews; the mask of a review never changes."""


def _count_masks() -> None:
    for table, (project, events) in _MASKED.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN mask_bytes BIGINT NOT NULL DEFAULT 0")
        removed, added = _masked("OLD", "-", project), _masked("NEW", "", project)
        if not _on_sqlite():
            op.execute(
                f"""CREATE FUNCTION tally_mask_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF TG_OP <> 'INSERT' THEN {removed} END IF;
                    IF TG_OP <> 'DELETE' THEN {added} END IF;
                    RETURN NULL;
                END $$"""
            )
        for event in events:
            kind = event.partition(" ")[0]
            statements = {"INSERT": added, "DELETE": removed}.get(kind, removed + added)
            changed = "WHEN (OLD.mask_bytes <> NEW.mask_bytes)" if kind == "UPDATE" else ""
            calls = f"EXECUTE FUNCTION tally_mask_of_{table}()"
            body = f"BEGIN {statements} END" if _on_sqlite() else calls
            op.execute(
                f"CREATE TRIGGER {table}_mask_tallied_{kind.lower()} AFTER {event} ON {table} "
                f"FOR EACH ROW {changed} {body}"
            )


def _masked(row: str, sign: str, project: str) -> str:
    return (
        "INSERT INTO tallies (subject, project, number, size) "
        f"SELECT 'mask', {project.format(row=row)}, {sign}1, {sign}{row}.mask_bytes "
        f"WHERE {row}.mask_bytes > 0;"
    )


def _forget_masks() -> None:
    for table, (_, events) in _MASKED.items():
        for event in events:
            on_table = "" if _on_sqlite() else f" ON {table}"
            kind = event.partition(" ")[0].lower()
            op.execute(f"DROP TRIGGER {table}_mask_tallied_{kind}{on_table}")
        if not _on_sqlite():
            op.execute(f"DROP FUNCTION tally_mask_of_{table}()")
        op.execute(f"ALTER TABLE {table} DROP COLUMN mask_bytes")
    op.execute("DELETE FROM tallies WHERE subject = 'mask'")
