"""What an uploaded mask was called by its sender, and who sent it."""

import sqlalchemy as sa
from alembic import op

revision = "0032_project"
down_revision = "0031_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("uploaded_name", sa.Text()))
    op.add_column("jobs", sa.Column("uploaded_by", sa.Text()))


def downgrade() -> None:
    for name in ("uploaded_name", "uploaded_by"):
        op.execute(f"ALTER TABLE jobs DROP COLUMN {name}")
