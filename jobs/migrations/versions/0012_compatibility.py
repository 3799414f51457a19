"""Which versions can use the database, and the revision that a running worker's code knows."""

import sqlalchemy as sa
from alembic import op

revision = "0012_project"
down_revision = "0011_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    support = op.create_table(
        "schema_support",
        sa.Column("oldest_revision", sa.String(length=32), nullable=False),
        sa.Column("oldest_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("oldest_revision"),
    )
    # Earlier code does not read this.
    op.bulk_insert(support, [{"oldest_revision": revision, "oldest_version": "0.1.0"}])
    op.add_column("workers", sa.Column("revision", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE workers DROP COLUMN revision")
    op.drop_table("schema_support")
