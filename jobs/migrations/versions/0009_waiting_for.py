"""Jobs: whether the attempt of the running claim is counted. Jobs and workers: which unavailable
part they wait for."""

import sqlalchemy as sa
from alembic import op

revision = "0009_project"
down_revision = "0008_project"
branch_labels = None
depends_on = None

_WAITING = ("jobs", "workers")


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for table in _WAITING:
        op.add_column(table, sa.Column("waiting_for", sa.String(length=32), nullable=True))


def downgrade() -> None:
    # Not in Alembic's batch mode, which would drop the triggers of 0008 on SQLite.
    for table in _WAITING:
        op.execute(f"ALTER TABLE {table} DROP COLUMN waiting_for")
    op.execute("ALTER TABLE jobs DROP COLUMN counted")
