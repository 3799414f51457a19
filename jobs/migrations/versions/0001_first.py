"""Scans, jobs, batches and reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0001_project"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _batches()
    _scans()
    _jobs()
    _job_scans()
    _reviews()


def downgrade() -> None:
    for table in ("reviews", "job_scans", "jobs", "scans", "batches"):
        op.drop_table(table)


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("project", "idempotency_key", name="batches_once_per_key"),
        sqlite_autoincrement=True,
    )


def _scans() -> None:
    op.create_table(
        "scans",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("shape", _JSON, nullable=False),
        sa.Column("dtype", sa.String(length=32), nullable=False),
        sa.Column("spacing_mm", _JSON, nullable=True),
        sa.Column("affine", _JSON, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("warnings", _JSON, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("project", "sha256", name="scans_once_per_project"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_scans_sha256"), "scans", ["sha256"], unique=False)
    op.create_index("scans_list", "scans", ["project", "seq"], unique=False)


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("voxels", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("tiles_done", sa.Integer(), nullable=False),
        sa.Column("tiles_total", sa.Integer(), nullable=False),
        sa.Column("mask_sha256", sa.String(length=64), nullable=True),
        sa.Column("mask_format", sa.String(length=16), nullable=True),
        sa.Column("preview_sha256", sa.String(length=64), nullable=True),
        sa.Column("report", _JSON, nullable=True),
        sa.Column("error", _JSON, nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["batches.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("project", "idempotency_key", name="jobs_once_per_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_jobs_mask_sha256"), "jobs", ["mask_sha256"], unique=False)
    op.create_index(op.f("ix_jobs_preview_sha256"), "jobs", ["preview_sha256"], unique=False)
    op.create_index("jobs_leased", "jobs", ["state", "lease_until"], unique=False)
    op.create_index("jobs_list", "jobs", ["project", "seq"], unique=False)
    op.create_index("jobs_list_by_state", "jobs", ["project", "state", "seq"], unique=False)
    op.create_index("jobs_measured", "jobs", ["model", "state", "finished_at"], unique=False)
    op.create_index("jobs_of_batch", "jobs", ["batch", "seq"], unique=False)
    op.create_index("jobs_places", "jobs", ["state", "priority", "seq"], unique=False)
    op.create_index("jobs_unsent", "jobs", ["state", "sent_at"], unique=False)
    op.create_index("jobs_messages", "jobs", ["state", "queue", "sent_at"], unique=False)


def _job_scans() -> None:
    op.create_table(
        "job_scans",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["jobs.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scan"],
            ["scans.id"],
        ),
        sa.PrimaryKeyConstraint("job", "position"),
    )
    op.create_index(op.f("ix_job_scans_scan"), "job_scans", ["scan"], unique=False)


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["jobs.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_reviews_job"), "reviews", ["job"], unique=False)
