"""The table of deliveries to DICOM destinations."""

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from jobs.delivery import Commitment, DeliveryState
from jobs.repository.schema.table_parts import (
    Json,
    in_state,
    metadata,
    one_of,
    partial_index,
    serial,
)

deliveries = Table(
    "deliveries",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("job", String(64), ForeignKey("jobs.id"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("format", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("error", Json),
    Column("review", String(64), nullable=False, server_default=""),
    Column("sent_as", String(32)),
    Column("sop_class", String(64)),
    Column("sop_instance", String(64)),
    Column("commitment", String(16)),
    Column("transaction", String(64)),
    Column("commit_requests", Integer, nullable=False, server_default="0"),
    Column("commit_attempts", Integer, nullable=False, server_default="0"),
    Column("requested_again_at", Double),
    UniqueConstraint("job", "destination", "format", "review", name="deliveries_once"),
    Index("deliveries_due", "state", "due_at"),
    Index("deliveries_of_transaction", "transaction"),
    sqlite_autoincrement=True,
)

commitment_open = one_of(deliveries.c.commitment, (Commitment.DUE, Commitment.REQUESTED))
"""The delivery was sent, and the destination has not reported whether it keeps the object."""
partial_index(
    "deliveries_uncommitted", commitment_open, deliveries.c.destination, deliveries.c.due_at
)

delivery_waits = in_state(deliveries, DeliveryState.WAITING)
"""The delivery is not sent yet."""
partial_index(
    "deliveries_waiting",
    delivery_waits,
    deliveries.c.destination,
    deliveries.c.attempts.desc(),
    deliveries.c.seq,
)
