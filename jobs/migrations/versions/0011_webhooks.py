"""Webhooks: jobs that have ended, as a trigger notes them, and the messages about them.

A trigger, not Tessera's statements, notes the ends: gateways and workers of an earlier version
still end jobs during a rolling upgrade, and do not know the table. It only inserts a row, so that
jobs of a batch that end at the same time do not wait for each other. Alembic's batch mode on
SQLite drops the triggers of the table that it copies: a later migration that uses it for `jobs`
must create them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011_project"
down_revision = "0010_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_COPIED = (
    *("project", "model", "model_version", "state", "batch", "attempt"),
    *("created_at", "started_at", "finished_at", "error"),
)
"""Columns of the job that its end keeps."""
_FINAL = "('succeeded', 'failed', 'cancelled')"
_ENDS = f"NEW.state IN {_FINAL} AND OLD.state NOT IN {_FINAL}"
_NOTE = (
    f"INSERT INTO job_ends (job, {', '.join(_COPIED)}) "  # noqa: S608
    f"VALUES (NEW.id, {', '.join(f'NEW.{name}' for name in _COPIED)});"
)


def upgrade() -> None:
    _job_ends()
    _messages()
    if _on_sqlite():
        op.execute(
            f"CREATE TRIGGER jobs_ended AFTER UPDATE OF state ON jobs WHEN {_ENDS} "
            f"BEGIN {_NOTE} END"
        )
    else:
        op.execute(
            "CREATE FUNCTION note_job_end() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {_NOTE} RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER jobs_ended AFTER UPDATE OF state ON jobs "
            f"FOR EACH ROW WHEN ({_ENDS}) EXECUTE FUNCTION note_job_end()"
        )


def downgrade() -> None:
    on_table = "" if _on_sqlite() else " ON jobs"
    op.execute(f"DROP TRIGGER jobs_ended{on_table}")
    if not _on_sqlite():
        op.execute("DROP FUNCTION note_job_end()")
    op.drop_table("job_ends")
    op.drop_table("webhook_messages")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _job_ends() -> None:
    op.create_table(
        "job_ends",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("batch", sa.String(length=64)),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("error", _JSON),
        sa.PrimaryKeyConstraint("seq"),
    )


def _messages() -> None:
    op.create_table(
        "webhook_messages",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=64)),
        sa.Column("batch", sa.String(length=64)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.Column("status", sa.Integer()),
        sa.Column("error", _JSON),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    waits = sa.text("state = 'waiting'")
    op.create_index(
        "webhook_messages_due",
        "webhook_messages",
        ["endpoint", "due_at", "seq"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_index("webhook_messages_old", "webhook_messages", ["due_at"])
    op.create_index("webhook_messages_list", "webhook_messages", ["project", "state", "seq"])
