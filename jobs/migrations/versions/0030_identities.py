"""People as OpenID providers know them, and sessions that these confirm."""

import sqlalchemy as sa
from alembic import op

revision = "0030_project"
down_revision = "0029_project"
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
    op.create_table(
        "provider_sessions",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
        sa.ForeignKeyConstraint(["session"], ["browser_sessions.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_provider_sessions_checked_at", "provider_sessions", ["checked_at"])


def downgrade() -> None:
    op.drop_table("provider_sessions")
    op.drop_table("identities")
