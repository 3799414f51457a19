"""The tables of second readings, and of the pages that show a job."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, String, Table, Text

from jobs.repository.schema.table_parts import Json, metadata, serial

readings = Table(
    "readings",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("show_names", Boolean, nullable=False),
    Column("min_dice", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("given", Integer, nullable=False),
    Column("readers", Text, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("review", String(64)),
    Column("reviewer", Text),
    Column("agreement", Json),
    Column("unblindings", Json, nullable=False, server_default="[]"),
)
"""Second readings of jobs; see `jobs.second_reading`. `readers`: the keys of those who have given a
reading, each between newlines. `reviewer`: the name in the review that decides. Without foreign
keys: a trigger deletes the row with its job, as earlier code that deletes jobs does not know the
table."""

reading_events = Table(
    "reading_events",
    metadata,
    serial(),
    Column("job", String(64), nullable=False),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("batch", String(64)),
    Column("event", String(32), nullable=False),
    Column("verdict", String(16)),
    Column("at", Double, nullable=False),
)
"""Stages of second readings, until webhook messages are made of them."""

viewers = Table(
    "viewers",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("viewer", String(64), primary_key=True),
    Column("reader", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Index("viewers_expired", "until"),
)
"""Pages that show a job. Without a foreign key: earlier code deletes jobs and does not know the
table, and each row is deleted once it has expired."""
