"""The tables of scans and of the names of images."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from jobs.repository.schema.table_parts import Json, metadata, serial

scans = Table(
    "scans",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("format", String(32), nullable=False),
    Column("shape", Json, nullable=False),
    Column("dtype", String(32), nullable=False),
    Column("spacing_mm", Json),
    Column("affine", Json, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("warnings", Json, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("series", String(64)),
    Column("info", Json),
    Column("images", String(64)),
    Column("impossible_formats", Json, nullable=False, server_default="[]"),
    Column("traceparent", String(64)),
    Column("modality", String(16)),
    Column("display", Json),
    UniqueConstraint("project", "sha256", name="scans_once_per_project"),
    Index("scans_list", "project", "seq"),
    Index("scans_of_series", "project", "series"),
    sqlite_autoincrement=True,
)

image_names = Table(
    "image_names",
    metadata,
    Column("project", Text, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("scan", String(64), ForeignKey("scans.id"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("expiry_s", Double),
    Column("owns_scan", Boolean, nullable=False),
)

shared_pseudonyms = Table("shared_pseudonyms", metadata, Column("project", Text, primary_key=True))
"""Projects whose pseudonyms are made with the secret of the installation; see migration 0034."""
