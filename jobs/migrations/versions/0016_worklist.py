"""The worklist: one narrow row for each job, with what lists are filtered and sorted by.

Triggers, not Tessera's statements, write the rows: gateways and workers of an earlier version still
run during a rolling upgrade, and do not know the table. A transaction that changes a job locks its
row in `jobs` before its row in `worklist`, also for a change of its reviews, so that two
transactions cannot wait for each other.

Scans get their DICOM modality. It is not known for scans of earlier versions.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016_project"
down_revision = "0015_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXES: dict[str, list[Any]] = {
    "worklist_by_age": ["project", "seq"],
    "worklist_by_priority": ["project", sa.text("priority DESC"), "seq"],
    "worklist_by_warnings": ["project", sa.text("warnings DESC"), sa.text("seq DESC")],
}
_TRIGGERS = {
    "worklist_job_changed": "jobs",
    "worklist_job_deleted": "jobs",
    "worklist_scan_added": "job_scans",
    "worklist_reviewed": "reviews",
    "worklist_review_withdrawn": "reviews",
    "worklist_review_deleted": "reviews",
}
"""Trigger -> its table."""
_FUNCTIONS = ("list_job_changed", "list_job_deleted", "list_scan_added", "list_reviewed")
_COLUMNS = (
    "seq, project, state, verdict, reviewer, model, batch, modality, priority, created_at, "
    "warnings, scan_name, names"
)
_CHANGED = ("state", "verdict", "priority")
"""Columns of a job that its row in the worklist repeats, and that change."""


def upgrade() -> None:
    op.add_column("scans", sa.Column("modality", sa.String(length=16), nullable=True))
    _table()
    (_sqlite_triggers if _on_sqlite() else _postgres_triggers)()
    op.execute(
        f"""INSERT INTO worklist ({_COLUMNS})
        SELECT {_row(_latest_reviewer("jobs.id"), _warnings_of_succeeded())}
        FROM jobs JOIN job_scans ON job_scans.job = jobs.id AND job_scans.position = 0
        JOIN scans ON scans.id = job_scans.scan"""  # noqa: S608
    )
    op.execute(
        f"""UPDATE worklist SET names = (
            SELECT {_joined_names()} FROM job_scans JOIN jobs ON jobs.id = job_scans.job
            JOIN scans ON scans.id = job_scans.scan WHERE jobs.seq = worklist.seq)
        WHERE seq IN (SELECT jobs.seq FROM job_scans JOIN jobs ON jobs.id = job_scans.job
            WHERE job_scans.position = 1)"""  # noqa: S608
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "worklist", columns)


def downgrade() -> None:
    for name, table in _TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name}" + ("" if _on_sqlite() else f" ON {table}"))
    if not _on_sqlite():
        for name in _FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("worklist")
    op.execute("ALTER TABLE scans DROP COLUMN modality")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _table() -> None:
    op.create_table(
        "worklist",
        sa.Column("seq", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.Column("modality", sa.String(length=16), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("scan_name", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _row(reviewer: str, warnings: str) -> str:
    """The values of a new row, from a row of `jobs` and one of `scans`."""
    return (
        f"jobs.seq, jobs.project, jobs.state, jobs.verdict, {reviewer}, jobs.model, jobs.batch, "
        f"scans.modality, jobs.priority, jobs.created_at, {warnings}, scans.name, scans.name"
    )


def _latest_reviewer(job: str) -> str:
    """The name in the latest review of a job that counts; NULL without a review or a name."""
    return (
        f"(SELECT nullif(reviews.reviewer, '') FROM reviews WHERE reviews.job = {job} "  # noqa: S608
        "AND reviews.withdrawn_at IS NULL ORDER BY reviews.seq DESC LIMIT 1)"
    )


def _warnings_of(report: str) -> str:
    """The number of warnings in a report; 0 for one that has no list of them."""
    if _on_sqlite():
        return f"coalesce(json_array_length({report}, '$.warnings'), 0)"
    warnings = f"{report} -> 'warnings'"
    return (
        f"CASE json_typeof({warnings}) WHEN 'array' THEN json_array_length({warnings}) ELSE 0 END"
    )


def _warnings_of_succeeded() -> str:
    counted = _warnings_of("jobs.report")
    return f"CASE WHEN jobs.state = 'succeeded' THEN {counted} ELSE 0 END"


def _joined_names() -> str:
    if _on_sqlite():
        return "group_concat(scans.name, char(10))"
    return "string_agg(scans.name, chr(10) ORDER BY job_scans.position)"


def _list_job(newline: str) -> str:
    """Adds the row with the first scan of a job; a further scan adds its name."""
    return f"""
        INSERT INTO worklist ({_COLUMNS}) SELECT {_row("NULL", "0")} FROM jobs, scans
        WHERE NEW.position = 0 AND jobs.id = NEW.job AND scans.id = NEW.scan;
        UPDATE worklist
        SET names = names || {newline} || (SELECT name FROM scans WHERE id = NEW.scan)
        WHERE NEW.position > 0 AND seq = (SELECT seq FROM jobs WHERE id = NEW.job);"""  # noqa: S608


def _list_change() -> str:
    """A report is read at the end of a job only."""
    counted = _warnings_of("NEW.report")
    return f"""
        UPDATE worklist SET state = NEW.state, verdict = NEW.verdict, priority = NEW.priority,
        warnings = CASE WHEN NEW.state = OLD.state THEN warnings
            WHEN NEW.state = 'succeeded' THEN {counted} ELSE 0 END
        WHERE seq = NEW.seq;"""  # noqa: S608


def _list_reviewer(job: str) -> str:
    return f"""
        UPDATE worklist SET reviewer = {_latest_reviewer(job)}
        WHERE seq = (SELECT seq FROM jobs WHERE id = {job});"""  # noqa: S608


def _any_change(differs: str) -> str:
    return " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in _CHANGED)


_WITHDRAWN = "UPDATE OF withdrawn_at ON reviews"
_DELETED = "DELETE FROM worklist WHERE seq = OLD.seq;"


def _sqlite_triggers() -> None:
    changed = f"UPDATE OF {', '.join(_CHANGED)} ON jobs WHEN {_any_change('IS NOT')}"
    for name, event, body in (
        ("worklist_job_changed", changed, _list_change()),
        ("worklist_job_deleted", "DELETE ON jobs", _DELETED),
        ("worklist_scan_added", "INSERT ON job_scans", _list_job("char(10)")),
        ("worklist_reviewed", "INSERT ON reviews", _list_reviewer("NEW.job")),
        ("worklist_review_withdrawn", _WITHDRAWN, _list_reviewer("NEW.job")),
        ("worklist_review_deleted", "DELETE ON reviews", _list_reviewer("OLD.job")),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END")


def _postgres_triggers() -> None:
    job = "coalesce(NEW.job, OLD.job)"
    locked = f"PERFORM 1 FROM jobs WHERE id = {job} FOR NO KEY UPDATE;"
    bodies = (_list_change(), _DELETED, _list_job("chr(10)"), locked + _list_reviewer(job))
    for name, body in zip(_FUNCTIONS, bodies, strict=True):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body} RETURN NULL; END $$"
        )
    changed = f"UPDATE OF {', '.join(_CHANGED)} ON jobs"
    differs = f"WHEN ({_any_change('IS DISTINCT FROM')})"
    for name, event, condition, function in (
        ("worklist_job_changed", changed, differs, "list_job_changed"),
        ("worklist_job_deleted", "DELETE ON jobs", "", "list_job_deleted"),
        ("worklist_scan_added", "INSERT ON job_scans", "", "list_scan_added"),
        ("worklist_reviewed", "INSERT ON reviews", "", "list_reviewed"),
        ("worklist_review_withdrawn", _WITHDRAWN, "", "list_reviewed"),
        ("worklist_review_deleted", "DELETE ON reviews", "", "list_reviewed"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION {function}()"
        )
