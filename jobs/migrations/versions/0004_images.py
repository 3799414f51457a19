"""Scans: a checksum of the images, by which the same series is found again."""

import sqlalchemy as sa
from alembic import op

revision = "0004_project"
down_revision = "0003_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("images", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("scans", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("images")
