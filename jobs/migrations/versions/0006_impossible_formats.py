"""Scans: the result formats that a scan cannot have."""

import sqlalchemy as sa
from alembic import op

revision = "0006_project"
down_revision = "0005_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "scans",
        sa.Column(
            "impossible_formats", sa.JSON(none_as_null=True), nullable=False, server_default="[]"
        ),
    )


def downgrade() -> None:
    with op.batch_alter_table("scans", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("impossible_formats")
