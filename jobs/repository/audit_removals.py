"""Removal of the audit trail's oldest events: first stated and signed, then done in portions.

A removal that is interrupted goes on with the next one. Triggers refuse to delete any other event.
"""

from dataclasses import asdict

from sqlalchemy import delete, func, insert, select

from jobs.audit.removal import AuditRemoval
from jobs.audit.signing import Signer
from jobs.repository.database import Database
from jobs.repository.retention_reports import count
from jobs.repository.schema.audit_tables import (
    audit_checkpoints,
    audit_events,
    audit_head,
    audit_removals,
)
from jobs.retention.report import Tally
from jobs.retention.rule import SERVICE, RetentionKind

AT_ONCE = 2000
"""Events that are deleted in one transaction."""


class AuditRemovals:
    """Removes events of all projects: they are one chain."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, before_ms: int) -> Tally:
        """The events that go: those before the first one of this time or later, and those that an
        interrupted removal has left."""
        last = select(func.min(audit_events.c.seq)).where(audit_events.c.time_ms >= before_ms)
        columns = (func.count(), func.min(audit_events.c.time_ms), func.max(audit_events.c.time_ms))
        with self._database.read() as connection:
            kept = connection.execute(last).scalar_one_or_none()
            stated = connection.execute(select(func.max(audit_removals.c.seq))).scalar_one()
            query = select(*columns).where(audit_events.c.seq >= 1)
            if kept is not None:
                query = query.where(audit_events.c.seq < max(kept, (stated or 0) + 1))
            number, oldest, newest = connection.execute(query).one()
        return Tally(number, 0, (oldest or 0) / 1000, (newest or 0) / 1000)

    def state(self, before_ms: int, signer: Signer) -> AuditRemoval | None:
        """Stores the statement that the events before this time go; None if there are none."""
        with self._database.write() as connection:
            head = connection.execute(select(audit_head).with_for_update()).mappings().one()
            later = select(func.min(audit_events.c.seq)).where(audit_events.c.time_ms >= before_ms)
            kept = connection.execute(later).scalar_one_or_none()
            last = min((kept or head["seq"] + 1) - 1, head["seq"])
            query = select(audit_events.c.hash).where(audit_events.c.seq == last)
            last_hash = connection.execute(query).scalar_one_or_none()
            if last_hash is None:
                return None
            stated = connection.execute(select(func.max(audit_removals.c.seq))).scalar_one()
            if last <= (stated or 0):
                return None
            now_ms = int(self._database.clock(connection) * 1000)
            removal = signer.removal(last, last_hash, before_ms, now_ms)
            connection.execute(insert(audit_removals).values(asdict(removal)))
            return removal

    def remove_stated(self, report: str) -> bool:
        """Deletes a portion of the events that a statement covers, and counts it; whether there
        are more."""
        with self._database.write() as connection:
            stated = connection.execute(select(func.max(audit_removals.c.seq))).scalar_one()
            query = select(audit_events.c.seq, audit_events.c.time_ms).where(
                audit_events.c.seq.between(1, stated or 0)
            )
            rows = connection.execute(query.order_by(audit_events.c.seq).limit(AT_ONCE)).all()
            if not rows:
                return False
            last = rows[-1].seq
            connection.execute(delete(audit_events).where(audit_events.c.seq.between(1, last)))
            old = audit_checkpoints.c.seq <= last
            connection.execute(delete(audit_checkpoints).where(old))
            place, times = (SERVICE, RetentionKind.AUDIT), [row.time_ms / 1000 for row in rows]
            count(connection, report, place, 0, min(times), len(rows))
            count(connection, report, place, 0, max(times), 0)
            return len(rows) == AT_ONCE
