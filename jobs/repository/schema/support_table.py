"""The table of the earliest code that can use the database."""

from sqlalchemy import Column, String, Table, Text

from jobs.repository.schema.table_parts import metadata

schema_support = Table(
    "schema_support",
    metadata,
    Column("oldest_revision", String(32), primary_key=True),
    Column("oldest_version", Text, nullable=False),
)
"""One row: the earliest revision of the schema whose code can use the database, and the earliest
version of Tessera that knows it. See `revision`."""
