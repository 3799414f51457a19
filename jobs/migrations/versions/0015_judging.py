"""Judging: the reasons of a rejection, reviews that are withdrawn, and pages that show a job."""

import sqlalchemy as sa
from alembic import op

revision = "0015_project"
down_revision = "0014_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reasons = sa.Column("reasons", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
    op.add_column("reviews", reasons)
    op.add_column("reviews", sa.Column("withdrawn_at", sa.Double()))
    op.create_table(
        "viewers",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("viewer", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("job", "viewer"),
    )
    op.create_index("viewers_expired", "viewers", ["until"])


def downgrade() -> None:
    op.drop_table("viewers")
    for column in ("withdrawn_at", "reasons"):
        op.execute(f"ALTER TABLE reviews DROP COLUMN {column}")
