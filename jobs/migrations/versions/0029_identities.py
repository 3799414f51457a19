"""People as OpenID providers know them."""

import sqlalchemy as sa
from alembic import op

revision = "0029_project"
down_revision = "0027_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("roles_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
    )
    op.create_index("ix_identities_person", "identities", ["person"])


def downgrade() -> None:
    op.drop_table("identities")
