"""The tables of webhook messages and of the ended jobs that they report."""

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from jobs.repository.schema.table_parts import Json, in_state, metadata, partial_index, serial
from jobs.webhook import MessageState

job_ends = Table(
    "job_ends",
    metadata,
    serial(),
    Column("job", String(64), nullable=False),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("model_version", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("batch", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("error", Json),
)
"""Jobs that have ended, as a trigger notes them, until webhook messages are made of them."""

webhook_messages = Table(
    "webhook_messages",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("job", String(64)),
    Column("batch", String(64)),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("finished_at", Double),
    Column("status", Integer),
    Column("error", Json),
    Column("traceparent", String(64)),
    Index("webhook_messages_old", "due_at"),
    Index("webhook_messages_list", "project", "state", "seq"),
    sqlite_autoincrement=True,
)

message_waits = in_state(webhook_messages, MessageState.WAITING)
"""The message is not sent yet."""
partial_index(
    "webhook_messages_due",
    message_waits,
    *(webhook_messages.c[name] for name in ("endpoint", "due_at", "seq")),
)
