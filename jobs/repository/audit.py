"""The audit trail: one chain of events, also while several gateways append to it at once.

    lock audit_head ──> number and chain the events ──> insert them ──> sign and move the head

All of it is one transaction. Other gateways that append wait for the lock, so each event follows
exactly one other.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from jobs.audit.event import (
    AuditAction,
    AuditEvent,
    AuditObject,
    AuditOutcome,
    ChainedEvent,
    hash_of,
)
from jobs.audit.filter import AuditFilter
from jobs.audit.removal import AuditRemoval
from jobs.audit.signing import Checkpoint, Signer
from jobs.repository.database import Database
from jobs.repository.pages import newest_first
from jobs.repository.schema.audit_tables import (
    audit_checkpoints,
    audit_events,
    audit_head,
    audit_removals,
)

CHECKPOINT_EVENTS = 1000
"""A checkpoint is stored after this many events at the latest,"""
CHECKPOINT_S = 3600.0
"""and with the first event after this many seconds."""
_PAGE = 5000
_CHECKPOINT = ("seq", "hash", "time_ms", "key_id", "signature")


class Audit:
    """The events of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, events: Sequence[AuditEvent], signer: Signer) -> Checkpoint | None:
        """Stores events in this order; returns the checkpoint that was due with them, if any.

        When it returns, they survive a power failure. Raises Unavailable and StorageFull; then none
        of them is stored.
        """
        if not events:
            return None
        with self._database.write() as connection:
            head = _locked_head(connection)
            rows = list(_chained(events, head["seq"], head["hash"]))
            connection.execute(insert(audit_events), rows)
            now_ms = int(self._database.clock(connection) * 1000)
            last = signer.checkpoint(rows[-1]["seq"], rows[-1]["hash"], now_ms)
            due = (
                last.seq - head["checkpoint_seq"] >= CHECKPOINT_EVENTS
                or now_ms - head["checkpoint_ms"] >= CHECKPOINT_S * 1000
            )
            _move_head(connection, last, checkpoint=due)
        return last if due else None

    def checkpoint(self, signer: Signer) -> Checkpoint | None:
        """Stores a checkpoint of the last event; None if it has one already."""
        with self._database.write() as connection:
            head = _locked_head(connection)
            if head["seq"] == head["checkpoint_seq"]:
                return None
            now_ms = int(self._database.clock(connection) * 1000)
            last = signer.checkpoint(head["seq"], head["hash"], now_ms)
            _move_head(connection, last, checkpoint=True)
        return last

    def page(
        self, wanted: AuditFilter, cursor: str | None, limit: int
    ) -> tuple[list[ChainedEvent], str | None]:
        """The newest events first, at most `limit`, and the cursor of the next page."""
        query = select(audit_events).where(*_conditions(wanted))
        with self._database.read() as connection:
            rows, next_cursor = newest_first(connection, query, audit_events, cursor, limit)
        return [_event_of(row) for row in rows], next_cursor

    def events(self, wanted: AuditFilter, up_to: int | None = None) -> Iterator[ChainedEvent]:
        """All events, oldest first, read in portions; up to this number, or those of now."""
        last = self.head().seq if up_to is None else up_to
        query = select(audit_events).where(*_conditions(wanted), audit_events.c.seq <= last)
        query = query.order_by(audit_events.c.seq).limit(_PAGE)
        after = -(1 << 62)  # also rows with a number that no gateway gives
        while True:
            with self._database.read() as connection:
                page = query.where(audit_events.c.seq > after)
                rows = connection.execute(page).mappings().all()
            yield from map(_event_of, rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1]["seq"]

    def head(self) -> Checkpoint:
        """The end of the trail; of an empty trail, number 0 without a signature."""
        with self._database.read() as connection:
            row = connection.execute(select(audit_head)).mappings().one()
        return _checkpoint_of(row)

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, oldest first."""
        query = select(audit_checkpoints).order_by(audit_checkpoints.c.seq)
        with self._database.read() as connection:
            return [_checkpoint_of(row) for row in connection.execute(query).mappings()]

    def removals(self) -> list[AuditRemoval]:
        """All statements of removed events, oldest first; `AuditRemovals` stores them."""
        query = select(audit_removals).order_by(audit_removals.c.seq)
        with self._database.read() as connection:
            return [AuditRemoval(**row) for row in connection.execute(query).mappings()]

    def beyond_head(self) -> list[int]:
        """Numbers of events after the end of the trail, which no gateway has stored; some of them
        if there are many."""
        end = select(audit_head.c.seq).scalar_subquery()
        query = select(audit_events.c.seq).where(audit_events.c.seq > end)
        with self._database.read() as connection:
            return list(
                connection.execute(query.order_by(audit_events.c.seq).limit(_PAGE)).scalars()
            )


def _locked_head(connection: Connection) -> RowMapping:
    return connection.execute(select(audit_head).with_for_update()).mappings().one()


def _move_head(connection: Connection, last: Checkpoint, *, checkpoint: bool) -> None:
    values: dict[str, Any] = {name: getattr(last, name) for name in _CHECKPOINT}
    if checkpoint:
        connection.execute(insert(audit_checkpoints).values(values))
        values |= {"checkpoint_seq": last.seq, "checkpoint_ms": last.time_ms}
    connection.execute(update(audit_head).values(values))


def _chained(
    events: Sequence[AuditEvent], seq: int, previous_hash: str
) -> Iterator[dict[str, Any]]:
    """The rows of events that follow the event `seq`."""
    for event in events:
        seq += 1
        own_hash = hash_of(seq, event, previous_hash)
        members = {name: getattr(event, name) for name in AuditEvent.__dataclass_fields__}
        yield {**members, "seq": seq, "previous_hash": previous_hash, "hash": own_hash}
        previous_hash = own_hash


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    columns = audit_events.c
    conditions = [
        columns[name] == getattr(wanted, name)
        for name in (
            *("project", "principal", "action", "outcome", "object_kind", "object_id", "origin"),
        )
        if getattr(wanted, name) is not None
    ]
    if wanted.since_ms is not None:
        conditions.append(columns.time_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(columns.time_ms < wanted.until_ms)
    return conditions


def _event_of(row: RowMapping) -> ChainedEvent:
    values = {name: row[name] for name in AuditEvent.__dataclass_fields__}
    values["action"] = _known(AuditAction, row["action"])
    values["outcome"] = _known(AuditOutcome, row["outcome"])
    values["object_kind"] = _known(AuditObject, row["object_kind"])
    return ChainedEvent(row["seq"], AuditEvent(**values), row["previous_hash"], row["hash"])


def _known(kind: Any, value: str) -> Any:
    """The member of an enumeration; a later version's, or a forged one, stays text."""
    return kind._value2member_map_.get(value, value)


def _checkpoint_of(row: RowMapping) -> Checkpoint:
    return Checkpoint(*(row[name] for name in _CHECKPOINT))
