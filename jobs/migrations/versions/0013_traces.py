"""Traces: the context of the trace to which a scan, a job or a webhook message belongs."""

import sqlalchemy as sa
from alembic import op

revision = "0013_project"
down_revision = "0012_project"
branch_labels = None
depends_on = None

_TABLES = ("jobs", "scans", "webhook_messages")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("traceparent", sa.String(length=64), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN traceparent")
