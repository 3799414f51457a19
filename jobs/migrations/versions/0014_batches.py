"""Batches go with their last job: an index to find a batch's jobs, and batches without jobs, which
earlier code left behind."""

import sqlalchemy as sa
from alembic import op

revision = "0014_project"
down_revision = "0013_project"
branch_labels = None
depends_on = None

_IN_A_BATCH = sa.text("batch IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "jobs_of_batch", "jobs", ["batch"], sqlite_where=_IN_A_BATCH, postgresql_where=_IN_A_BATCH
    )
    op.execute(
        "DELETE FROM batches WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.batch = batches.id)"
    )


def downgrade() -> None:
    op.drop_index("jobs_of_batch", "jobs")
