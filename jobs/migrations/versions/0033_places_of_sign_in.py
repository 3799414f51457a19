"""Where people signed in, so that they recognise their sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0033_project"
down_revision = "0032_project"
branch_labels = None
depends_on = None

_COLUMNS = ("address", "browser")


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("browser_sessions", sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    for column in reversed(_COLUMNS):
        op.execute(f"ALTER TABLE browser_sessions DROP COLUMN {column}")
