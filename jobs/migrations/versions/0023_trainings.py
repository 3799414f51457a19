"""Trainings: a worker fine-tunes a model with the masks of a project.

Workers announce whether they can train.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023_project"
down_revision = "0022_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column(
        "workers", sa.Column("trains", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "trainings",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease_until", sa.Double()),
        sa.Column("sent_at", sa.Double()),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("error", _JSON),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("waiting_for", sa.String(length=32)),
        sa.Column("progress", _JSON, nullable=False),
        sa.Column("result", _JSON),
        sa.Column("model_blob", sa.String(length=64)),
        sa.Column("publish", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("published_at", sa.Double()),
        sa.Column("publish_error", _JSON),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_trainings_model_blob", "trainings", ["model_blob"])
    op.create_index("trainings_list", "trainings", ["project", "seq"])
    op.create_index("trainings_of_state", "trainings", ["state", "seq"])


def downgrade() -> None:
    op.drop_table("trainings")
    op.execute("ALTER TABLE workers DROP COLUMN trains")
