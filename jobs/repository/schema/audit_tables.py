"""The tables of the audit trail."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from jobs.repository.schema.table_parts import metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("action", String(32), nullable=False),
    Column("principal", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("object_kind", String(32), nullable=False),
    Column("object_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_events_of_project", "project", "seq"),
    Index("audit_events_of_object", "object_id", "seq"),
)
"""Events of the audit trail. Triggers refuse changes and deletions."""

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(64), nullable=False),
)
"""Signed statements of the trail's end at some time. Triggers refuse changes and deletions."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("time_ms", BigInteger, nullable=False, server_default="0"),
    Column("key_id", String(16), nullable=False, server_default=""),
    Column("signature", String(64), nullable=False, server_default=""),
    Column("checkpoint_seq", BigInteger, nullable=False),
    Column("checkpoint_ms", BigInteger, nullable=False),
)
"""One row: number and hash of the last event, signed, and where the last checkpoint is. A
gateway that appends events locks it, so that there is one chain."""

audit_removals = Table(
    "audit_removals",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("before_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(64), nullable=False),
)
"""Signed statements that the events up to a number were removed; see `jobs.audit.removal`. Triggers
refuse changes and deletions."""
