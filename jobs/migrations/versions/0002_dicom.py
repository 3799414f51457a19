"""DICOM: series of scans, corrected masks, deliveries to other systems."""

import sqlalchemy as sa
from alembic import op

revision = "0002_project"
down_revision = "0001_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_COUNTED = {"sqlite_autoincrement": True}
"""SQLite rewrites a table to change a column, which would drop this."""


def upgrade() -> None:
    op.add_column("scans", sa.Column("series", sa.String(length=64), nullable=True))
    op.create_index("scans_of_series", "scans", ["project", "series"])
    op.add_column("scans", sa.Column("info", _JSON, nullable=True))
    _reviews()
    _deliveries()
    _image_names()


def downgrade() -> None:
    op.drop_table("image_names")
    op.drop_table("deliveries")
    op.execute("DELETE FROM reviews WHERE job IS NULL")
    op.drop_index("reviews_mask", "reviews")
    op.drop_index("reviews_labels", "reviews")
    op.drop_index("scans_of_series", "scans")
    with op.batch_alter_table("reviews", table_kwargs=_COUNTED) as batch:
        batch.drop_constraint("reviews_of_scan", type_="foreignkey")
        for column in ("info", "tag", "scan", "mask_format", "mask_sha256"):
            batch.drop_column(column)
        batch.alter_column("job", existing_type=sa.String(length=64), nullable=False)
    with op.batch_alter_table("scans") as batch:
        batch.drop_column("info")
        batch.drop_column("series")


def _reviews() -> None:
    with op.batch_alter_table("reviews", table_kwargs=_COUNTED) as batch:
        batch.alter_column("job", existing_type=sa.String(length=64), nullable=True)
        batch.add_column(sa.Column("mask_sha256", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("mask_format", sa.String(length=16), nullable=True))
        batch.add_column(sa.Column("scan", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("tag", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("info", _JSON, nullable=True))
        batch.create_foreign_key("reviews_of_scan", "scans", ["scan"], ["id"])
    op.create_index("reviews_mask", "reviews", ["mask_sha256"])
    op.create_index("reviews_labels", "reviews", ["scan", "tag", "seq"])


def _image_names() -> None:
    op.create_table(
        "image_names",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("scan", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=False),
        sa.Column("expiry_s", sa.Double(), nullable=True),
        sa.Column("owns_scan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["scan"], ["scans.id"]),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_index(op.f("ix_image_names_scan"), "image_names", ["scan"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("error", _JSON, nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("job", "destination", "format", name="deliveries_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_due", "deliveries", ["state", "due_at"])
