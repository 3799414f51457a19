"""Retention: rules, legal holds, reports of what went, and removals of old audit events.

The triggers of the audit trail still refuse every change, and the deletion of all but the events
and checkpoints before the end of a recorded removal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029_project"
down_revision = "0028_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TRAIL = ("audit_events", "audit_checkpoints")
_REFUSAL = "the audit trail can only grow"
_KEPT = "OLD.seq > coalesce((SELECT max(seq) FROM audit_removals), 0)"
"""The condition of rows that no removal covers."""


def upgrade() -> None:
    _create_tables()
    if _on_sqlite():
        for table in _TRAIL:
            _replace_deletion(table, f"WHEN {_KEPT}")
        for event in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_removals_{event} BEFORE {event} ON audit_removals "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        return
    _replace_function(f"IF TG_OP = 'DELETE' AND NOT ({_KEPT}) THEN RETURN OLD; END IF;")
    op.execute(
        "CREATE FUNCTION refuse_removal_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_removals_grow BEFORE UPDATE OR DELETE ON audit_removals "
        "FOR EACH ROW EXECUTE FUNCTION refuse_removal_change()"
    )


def downgrade() -> None:
    if _on_sqlite():
        for table in _TRAIL:
            _replace_deletion(table, "")
    else:
        _replace_function("")
    for table in (
        *("audit_removals", "retention_counts", "retention_reports"),
        *("legal_holds", "retention_rules"),
    ):
        op.drop_table(table)
    if not _on_sqlite():
        op.execute("DROP FUNCTION refuse_removal_change()")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _replace_deletion(table: str, condition: str) -> None:
    op.execute(f"DROP TRIGGER {table}_delete")
    op.execute(
        f"CREATE TRIGGER {table}_delete BEFORE delete ON {table} {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _replace_function(exception: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {exception} RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )


def _create_tables() -> None:
    op.create_table(
        "retention_rules",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("basis", sa.String(16), nullable=False),
        sa.Column("keep_s", sa.Double(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("project", "kind"),
    )
    op.create_table(
        "legal_holds",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.Column("lifted_by", sa.Text()),
        sa.Column("lifted_at", sa.Double()),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    in_force = sa.text("lifted_at IS NULL")
    op.create_index(
        *("legal_holds_in_force", "legal_holds", ["project", "kind", "target"]),
        sqlite_where=in_force,
        postgresql_where=in_force,
    )
    op.create_table(
        "retention_reports",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "retention_counts",
        sa.Column("report", sa.String(64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("oldest", sa.Double(), nullable=False),
        sa.Column("newest", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("report", "project", "kind"),
    )
    op.create_table(
        "audit_removals",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("before_ms", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
