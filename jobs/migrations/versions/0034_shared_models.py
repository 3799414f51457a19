"""Whether the model of a training is for all projects. Those that were published already are."""

import sqlalchemy as sa
from alembic import op

revision = "0034_project"
down_revision = "0033_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "trainings",
        sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    trainings = sa.table("trainings", sa.column("shared"), sa.column("published_at"))
    published = trainings.c.published_at.is_not(None)
    op.execute(sa.update(trainings).where(published).values(shared=sa.true()))


def downgrade() -> None:
    op.execute("ALTER TABLE trainings DROP COLUMN shared")
