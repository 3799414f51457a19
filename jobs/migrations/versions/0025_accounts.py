"""Accounts: projects, people, their roles in projects, API keys, and DICOM senders.

Without a person or a key, gateways work as before: everything belongs to the project `local`.
"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0025_project"
down_revision = "0024_project"
branch_labels = None
depends_on = None


def upgrade() -> None:
    projects = op.create_table(
        "projects",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.bulk_insert(projects, [{"name": "local", "created_at": time.time()}])
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("disabled_at", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login", name="people_once_per_login"),
        sa.UniqueConstraint("name_key", name="people_once_per_name"),
    )
    op.create_table(
        "memberships",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("person", "project"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
    )
    op.create_index("ix_memberships_project", "memberships", ["project"])
    op.create_table(
        "api_keys",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=64)),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.Column("last_used_at", sa.Double()),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("prefix", name="api_keys_once_per_prefix"),
        sa.ForeignKeyConstraint(["person"], ["people.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
        sqlite_autoincrement=True,
    )
    op.create_index("api_keys_list", "api_keys", ["project", "seq"])
    op.create_table(
        "dicom_senders",
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("project", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title"),
        sa.ForeignKeyConstraint(["project"], ["projects.name"]),
    )


def downgrade() -> None:
    for table in ("dicom_senders", "api_keys", "memberships", "people", "projects"):
        op.drop_table(table)
