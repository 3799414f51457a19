"""Projects whose pseudonyms are made with the secret of the installation: those with DICOM scans or
holds of patients from before each project got a secret of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0035_project"
down_revision = "0034_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_pseudonyms",
        sa.Column("project", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )
    op.execute(
        "INSERT INTO shared_pseudonyms (project) "
        "SELECT project FROM scans WHERE series IS NOT NULL "
        "UNION SELECT project FROM legal_holds WHERE kind = 'patient'"
    )


def downgrade() -> None:
    op.drop_table("shared_pseudonyms")
