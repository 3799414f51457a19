"""Deliveries: of corrected masks, the object that was accepted, and storage commitment."""

import sqlalchemy as sa
from alembic import op

revision = "0003_project"
down_revision = "0002_project"
branch_labels = None
depends_on = None

_COUNTED = {"sqlite_autoincrement": True}
"""SQLite rewrites a table to change a column, which would drop this."""
_NEW = {"sent_as": 32, "sop_class": 64, "sop_instance": 64, "commitment": 16, "transaction": 64}
"""Column -> length."""


def upgrade() -> None:
    with op.batch_alter_table("deliveries", table_kwargs=_COUNTED) as batch:
        batch.add_column(
            sa.Column("review", sa.String(length=64), nullable=False, server_default="")
        )
        batch.add_column(
            sa.Column("commit_requests", sa.Integer(), nullable=False, server_default="0")
        )
        for name, length in _NEW.items():
            batch.add_column(sa.Column(name, sa.String(length=length), nullable=True))
        batch.drop_constraint("deliveries_once", type_="unique")
        batch.create_unique_constraint(
            "deliveries_once", ["job", "destination", "format", "review"]
        )
    op.create_index("deliveries_of_transaction", "deliveries", ["transaction"])


def downgrade() -> None:
    op.drop_index("deliveries_of_transaction", "deliveries")
    op.execute("DELETE FROM deliveries WHERE review <> ''")
    with op.batch_alter_table("deliveries", table_kwargs=_COUNTED) as batch:
        batch.drop_constraint("deliveries_once", type_="unique")
        batch.create_unique_constraint("deliveries_once", ["job", "destination", "format"])
        for name in ("review", "commit_requests", *_NEW):
            batch.drop_column(name)
