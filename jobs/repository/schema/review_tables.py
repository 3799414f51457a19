"""The tables of reviews and of corrections that are not finished."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from jobs.repository.schema.table_parts import Json, metadata, serial

reviews = Table(
    "reviews",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("job", String(64), ForeignKey("jobs.id"), index=True),
    Column("verdict", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("mask_sha256", String(64)),
    Column("mask_format", String(16)),
    Column("mask_bytes", BigInteger, nullable=False, server_default="0"),
    Column("scan", String(64), ForeignKey("scans.id", name="reviews_of_scan")),
    Column("tag", String(64)),
    Column("info", Json),
    Column("reasons", Json, nullable=False, server_default="[]"),
    Column("withdrawn_at", Double),
    Column("role", String(16)),
    Column("measurements", Json, nullable=False, server_default="[]"),
    Column("base", String(64)),
    Column("seconds", Double),
    Column("changes", Json, nullable=False, server_default="[]"),
    Index("reviews_mask", "mask_sha256"),
    Index("reviews_labels", "scan", "tag", "seq"),
    sqlite_autoincrement=True,
)

review_stands = reviews.c.withdrawn_at.is_(None)
"""The review was not withdrawn."""

batch_reviews = Table(
    "batch_reviews",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    Column("outcomes", Json, nullable=False),
    UniqueConstraint("project", "idempotency_key", name="batch_reviews_once_per_key"),
    Index("batch_reviews_old", "created_at"),
)
"""What was decided for each job of a batch of verdicts: [job, outcome, review or None]. Rows are
kept for a day, in which a repeated request gets the same response."""

drafts = Table(
    "drafts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("reader", Text, nullable=False),
    Column("reader_key", Text, nullable=False),
    Column("base", String(64)),
    Column("mask_sha256", String(64), nullable=False, index=True),
    Column("mask_format", String(16), nullable=False),
    Column("voxels", BigInteger, nullable=False),
    Column("labels", Json, nullable=False),
    Column("largest", BigInteger),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("runs", BigInteger, nullable=False, server_default="0"),
    Column("painted", BigInteger, nullable=False, server_default="0"),
    Column("seconds", Double, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("job", "reader_key", name="drafts_once_per_reader"),
    Index("drafts_old", "updated_at"),
)
"""Corrections that are not finished; see `jobs.draft`. Without foreign keys: triggers delete a
draft with its job, and its changes with it, as earlier code that deletes jobs does not know them.
"""

draft_changes = Table(
    "draft_changes",
    metadata,
    Column("draft", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""The sets of changes of drafts, as they were received; `sha256` is that of the unpacked runs."""
