"""How DICOM scans are shown: windows, series, date, pseudonym. Not known for earlier scans."""

import sqlalchemy as sa
from alembic import op

revision = "0018_project"
down_revision = "0017_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("display", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.execute("ALTER TABLE scans DROP COLUMN display")
