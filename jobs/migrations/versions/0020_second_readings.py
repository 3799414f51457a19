"""Second readings: several readers judge a job, and none sees the others' verdicts until the end.

Triggers copy the state of a second reading to the worklist, and delete it with its job: gateways
of an earlier version do not know the table. The worklist names a reviewer only if the second
reading is complete.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0020_project"
down_revision = "0019_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ADDED = ("reading", "readings_given", "readings_wanted", "readers")
_LISTED = (*_ADDED, "reviewer")
_REVIEWED = {
    "worklist_reviewed": ("INSERT ON reviews", "NEW.job"),
    "worklist_review_withdrawn": ("UPDATE OF withdrawn_at ON reviews", "NEW.job"),
    "worklist_review_deleted": ("DELETE ON reviews", "OLD.job"),
}
"""Trigger of migration 0016 -> its event, and the job."""


def upgrade() -> None:
    op.add_column("reviews", sa.Column("role", sa.String(length=16)))
    _tables()
    op.add_column("worklist", sa.Column("reading", sa.String(length=16)))
    op.add_column("worklist", sa.Column("readings_given", sa.Integer()))
    op.add_column("worklist", sa.Column("readings_wanted", sa.Integer()))
    op.add_column("worklist", sa.Column("readers", sa.Text()))
    waits = sa.text("reading IN ('open', 'adjudicate')")
    op.create_index(
        "worklist_readings",
        "worklist",
        ["project", "seq"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    if _on_sqlite():
        _sqlite_triggers()
    else:
        _postgres_triggers()


def downgrade() -> None:
    on_readings, on_jobs = ("", "") if _on_sqlite() else (" ON readings", " ON jobs")
    for name in ("reading_added", "reading_changed", "reading_removed"):
        op.execute(f"DROP TRIGGER {name}{on_readings}")
    op.execute(f"DROP TRIGGER reading_job_deleted{on_jobs}")
    if _on_sqlite():
        _sqlite_reviewed(_newest_reviewer)
    else:
        _postgres_reviewed(_newest_reviewer)
        for function in ("list_reading", "delete_reading"):
            op.execute(f"DROP FUNCTION {function}()")
    op.drop_index("worklist_readings", "worklist")
    for column in _ADDED:
        op.execute(f"ALTER TABLE worklist DROP COLUMN {column}")
    op.drop_table("reading_events")
    op.drop_table("readings")
    op.execute("ALTER TABLE reviews DROP COLUMN role")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _tables() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "readings",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("show_names", sa.Boolean(), nullable=False),
        sa.Column("min_dice", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("readers", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column("completed_at", sa.Double()),
        sa.Column("review", sa.String(length=64)),
        sa.Column("reviewer", sa.Text()),
        sa.Column("agreement", json),
        sa.Column("unblindings", json, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_table(
        "reading_events",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=64)),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16)),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _newest_reviewer(job: str) -> str:
    return (
        f"(SELECT nullif(reviews.reviewer, '') FROM reviews WHERE reviews.job = {job} "  # noqa: S608
        "AND reviews.withdrawn_at IS NULL ORDER BY reviews.seq DESC LIMIT 1)"
    )


def _shown_reviewer(job: str) -> str:
    """The reviewer of a job with a second reading is that of the review that decides."""
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM readings WHERE readings.job = {job}) THEN "  # noqa: S608
        f"(SELECT readings.reviewer FROM readings WHERE readings.job = {job}) "
        f"ELSE {_newest_reviewer(job)} END"
    )


def _list_reviewer(job: str, reviewer: str) -> str:
    return (
        f"UPDATE worklist SET reviewer = {reviewer} "  # noqa: S608
        f"WHERE seq = (SELECT seq FROM jobs WHERE id = {job});"
    )


def _list_reading(job: str, values: tuple[str, ...]) -> str:
    """No statement names `reviews`: SQLite could then not copy that table in a later migration."""
    assigned = ", ".join(f"{n} = {v}" for n, v in zip(_LISTED, values, strict=True))
    return (
        f"UPDATE worklist SET {assigned} "  # noqa: S608
        f"WHERE seq = (SELECT seq FROM jobs WHERE id = {job});"
    )


_VALUES = ("NEW.state", "NEW.given", "NEW.wanted", "NEW.readers", "NEW.reviewer")
_NONE = ("NULL",) * len(_VALUES)
_DELETE = "DELETE FROM readings WHERE job = OLD.id;"


def _sqlite_triggers() -> None:
    _sqlite_reviewed(_shown_reviewer)
    for name, event, body in (
        ("reading_added", "INSERT ON readings", _list_reading("NEW.job", _VALUES)),
        ("reading_changed", "UPDATE ON readings", _list_reading("NEW.job", _VALUES)),
        ("reading_removed", "DELETE ON readings", _list_reading("OLD.job", _NONE)),
        ("reading_job_deleted", "DELETE ON jobs", _DELETE),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END")


def _sqlite_reviewed(reviewer: Callable[[str], str]) -> None:
    for name, (event, job) in _REVIEWED.items():
        op.execute(f"DROP TRIGGER {name}")
        body = _list_reviewer(job, reviewer(job))
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END")


def _postgres_triggers() -> None:
    _postgres_reviewed(_shown_reviewer)
    removed = f"IF TG_OP = 'DELETE' THEN {_list_reading('OLD.job', _NONE)} RETURN NULL; END IF;"
    _postgres_function("list_reading", removed + _list_reading("NEW.job", _VALUES))
    _postgres_function("delete_reading", _DELETE)
    for name, event, function in (
        ("reading_added", "INSERT ON readings", "list_reading"),
        ("reading_changed", "UPDATE ON readings", "list_reading"),
        ("reading_removed", "DELETE ON readings", "list_reading"),
        ("reading_job_deleted", "DELETE ON jobs", "delete_reading"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )


def _postgres_reviewed(reviewer: Callable[[str], str]) -> None:
    job = "coalesce(NEW.job, OLD.job)"
    locked = f"PERFORM 1 FROM jobs WHERE id = {job} FOR NO KEY UPDATE;"
    _postgres_function("list_reviewed", locked + _list_reviewer(job, reviewer(job)))


def _postgres_function(name: str, body: str) -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {body} RETURN NULL; END $$"
    )
