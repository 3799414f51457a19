"""The tables of retention: rules, legal holds and reports."""

from sqlalchemy import BigInteger, Column, Double, String, Table, Text

from jobs.repository.schema.table_parts import metadata, partial_index, serial

retention_rules = Table(
    "retention_rules",
    metadata,
    Column("project", Text, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("basis", String(16), nullable=False),
    Column("keep_s", Double, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Double, nullable=False),
)
"""See `jobs.retention.rule`. `project` is empty for a rule of the whole service."""

legal_holds = Table(
    "legal_holds",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_at", Double),
    sqlite_autoincrement=True,
)
"""See `jobs.retention.hold`. Lifted holds stay."""

hold_in_force = legal_holds.c.lifted_at.is_(None)
"""The hold was not lifted."""
partial_index(
    "legal_holds_in_force",
    hold_in_force,
    *(legal_holds.c[name] for name in ("project", "kind", "target")),
)

retention_reports = Table(
    "retention_reports",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("lease_until", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""See `jobs.retention.report`. The gateway that renews its lease finishes it."""

retention_counts = Table(
    "retention_counts",
    metadata,
    Column("report", String(64), primary_key=True),
    Column("project", Text, primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("oldest", Double, nullable=False),
    Column("newest", Double, nullable=False),
)
"""What a report counts, for each project and kind."""
