"""DICOM: a scan's series, masks that readers corrected, deliveries to other systems."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("scans", sa.Column("series", sa.String(length=64), nullable=True))
    op.create_index("scans_of_series", "scans", ["owner", "series"])
    op.add_column("reviews", sa.Column("mask_sha256", sa.String(length=64), nullable=True))
    op.add_column("reviews", sa.Column("mask_format", sa.String(length=16), nullable=True))
    op.create_index("reviews_mask", "reviews", ["mask_sha256"])
    _deliveries()


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_index("reviews_mask", "reviews")
    op.drop_index("scans_of_series", "scans")
    for table, column in (
        ("reviews", "mask_format"),
        ("reviews", "mask_sha256"),
        ("scans", "series"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


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
