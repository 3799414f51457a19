"""The models that a project may use; a project without a row may use all."""

import sqlalchemy as sa
from alembic import op

revision = "0031_project"
down_revision = "0030_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project_models",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )


def downgrade() -> None:
    op.drop_table("project_models")
