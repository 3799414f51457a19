"""The measurements of a review: what its reader drew in the scan."""

import sqlalchemy as sa
from alembic import op

revision = "0017_project"
down_revision = "0016_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    drawn = sa.Column(
        "measurements", sa.JSON(none_as_null=True), nullable=False, server_default="[]"
    )
    op.add_column("reviews", drawn)


def downgrade() -> None:
    op.execute("ALTER TABLE reviews DROP COLUMN measurements")
