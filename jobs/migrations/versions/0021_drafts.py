"""Drafts: corrections of masks that are not finished, and what a saved one leaves in its review.

Triggers delete a draft with its job, and its changes with it: gateways of an earlier version do not
know the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021_project"
down_revision = "0020_project"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True)
_TRIGGERS = {
    "draft_job_deleted": ("jobs", "DELETE FROM drafts WHERE job = OLD.id;"),
    "draft_deleted": ("drafts", "DELETE FROM draft_changes WHERE draft = OLD.id;"),
}
"""Trigger -> the table whose deleted rows it follows, and what it does."""
_FUNCTIONS = {"draft_job_deleted": "delete_drafts", "draft_deleted": "delete_draft_changes"}


def upgrade() -> None:
    op.add_column("reviews", sa.Column("base", sa.String(length=64)))
    op.add_column("reviews", sa.Column("seconds", sa.Double()))
    op.add_column("reviews", sa.Column("changes", _JSON, nullable=False, server_default="[]"))
    _tables()
    for name, (table, body) in _TRIGGERS.items():
        event = f"CREATE TRIGGER {name} AFTER DELETE ON {table}"
        if _on_sqlite():
            op.execute(f"{event} BEGIN {body} END")
            continue
        op.execute(
            f"CREATE FUNCTION {_FUNCTIONS[name]}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(f"{event} FOR EACH ROW EXECUTE FUNCTION {_FUNCTIONS[name]}()")


def downgrade() -> None:
    for name, (table, _) in _TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name}" + ("" if _on_sqlite() else f" ON {table}"))
        if not _on_sqlite():
            op.execute(f"DROP FUNCTION {_FUNCTIONS[name]}()")
    for table in ("draft_changes", "drafts"):
        op.drop_table(table)
    for column in ("changes", "seconds", "base"):
        op.execute(f"ALTER TABLE reviews DROP COLUMN {column}")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _tables() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("reader_key", sa.Text(), nullable=False),
        sa.Column("base", sa.String(length=64)),
        sa.Column("mask_sha256", sa.String(length=64), nullable=False),
        sa.Column("mask_format", sa.String(length=16), nullable=False),
        sa.Column("voxels", sa.BigInteger(), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("largest", sa.BigInteger()),
        sa.Column("changes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("runs", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("painted", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("seconds", sa.Double(), nullable=False, server_default="0"),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job", "reader_key", name="drafts_once_per_reader"),
    )
    op.create_index("drafts_old", "drafts", ["updated_at"])
    op.create_index("ix_drafts_mask_sha256", "drafts", ["mask_sha256"])
    op.create_table(
        "draft_changes",
        sa.Column("draft", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("draft", "number"),
    )
