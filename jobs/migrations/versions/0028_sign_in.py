"""Sign-in on the page: passwords, links that set them, failed attempts, and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0028_project"
down_revision = "0027_project"
branch_labels = None
depends_on = None

_TABLES = ("browser_sessions", "passwords", "setup_links", "known_browsers", "sign_in_failures")


def upgrade() -> None:
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64)),
        _person(),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=False),
        sa.Column("renewed_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
        sa.UniqueConstraint("secret_sha256"),
        sa.UniqueConstraint("previous_sha256"),
    )
    op.create_index("ix_browser_sessions_person", "browser_sessions", ["person"])
    op.create_table(
        "passwords",
        _person(),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
    )
    op.create_table(
        "setup_links",
        _person(),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
        sa.UniqueConstraint("secret_sha256"),
    )
    op.create_table(
        "known_browsers",
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        _person(),
        sa.Column("used_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("secret_sha256"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("counter", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("counter"),
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)


def _person() -> "sa.Column[str]":
    return sa.Column("person", sa.String(length=64), nullable=False)
