"""Deliveries: attempts to request commitment, an index of those due, and the last request."""

import sqlalchemy as sa
from alembic import op

revision = "0005_project"
down_revision = "0004_project"
branch_labels = None
depends_on = None

_OPEN = sa.text("commitment IN ('due', 'requested')")


def upgrade() -> None:
    op.add_column(
        "deliveries",
        sa.Column("commit_attempts", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("deliveries", sa.Column("requested_again_at", sa.Double(), nullable=True))
    op.create_index(
        "deliveries_uncommitted",
        "deliveries",
        ["destination", "due_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def downgrade() -> None:
    op.drop_index("deliveries_uncommitted", "deliveries")
    with op.batch_alter_table("deliveries", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("requested_again_at")
        batch.drop_column("commit_attempts")
