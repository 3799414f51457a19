"""Jobs: whether a job waits until its network is prepared."""

import sqlalchemy as sa
from alembic import op

revision = "0007_project"
down_revision = "0006_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("preparing", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("preparing")
