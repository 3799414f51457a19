"""The audit trail: events that can only be added, checkpoints, and where the trail ends.

Triggers refuse every change of an event and of a checkpoint, and their deletion.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026_project"
down_revision = "0025_project"
branch_labels = None
depends_on = None

_TABLES = ("audit_events", "audit_checkpoints")


def upgrade() -> None:
    _tables()
    head = {"id": 1, "seq": 0, "hash": "0" * 64, "checkpoint_seq": 0, "checkpoint_ms": 0}
    names = ", ".join(head)
    values = ", ".join(f":{name}" for name in head)
    insert = f"INSERT INTO audit_head ({names}) VALUES ({values})"  # noqa: S608
    op.get_bind().execute(sa.text(insert), head)
    if not _on_sqlite():
        op.execute(
            "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'the audit trail can only grow'; END $$"
        )
    for table in _TABLES:
        _append_only(table)


def downgrade() -> None:
    for table in ("audit_head", *_TABLES):
        op.drop_table(table)
    if not _on_sqlite():
        op.execute("DROP FUNCTION refuse_audit_change()")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _append_only(table: str) -> None:
    if not _on_sqlite():
        op.execute(
            f"CREATE TRIGGER {table}_grow BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
        )
        return
    for event in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_{event} BEFORE {event} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail can only grow'); END"
        )


def _tables() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("object_kind", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    for name, columns in (
        ("audit_events_of_project", ["project", "seq"]),
        ("audit_events_of_object", ["object_id", "seq"]),
    ):
        op.create_index(name, "audit_events", columns)
    op.create_table(
        "audit_checkpoints",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("key_id", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("signature", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("checkpoint_seq", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
