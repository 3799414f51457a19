"""Audit events, and attacks on a stored trail by somebody who may change the database."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, text, update

from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome, hash_of
from jobs.audit.filter import AuditFilter
from jobs.audit.signing import Signer
from jobs.repository import Repository
from jobs.repository.schema.audit_tables import audit_checkpoints, audit_events, audit_head
from service.resources.audit_writer import AuditWriter
from service.use_cases.audit_recorder import AuditRecorder
from tests.support.migrated import migrated

SECRET = b"a secret of the tests"
SIGNER = Signer.of_secret(SECRET)


def audit_event(number: int = 0, project: str = "ada", **members: object) -> AuditEvent:
    """An event that differs from others by its time and object."""
    values: dict[str, object] = {
        "time_ms": 1_700_000_000_000 + number,
        "action": AuditAction.VIEW,
        "principal": "reader 1",
        "project": project,
        "outcome": AuditOutcome.SUCCESS,
        "object_kind": AuditObject.SCAN,
        "object_id": f"{number:032x}",
        "origin": "192.0.2.7",
        "request": f"{number:032x}",
    }
    return AuditEvent(**values | members)  # type: ignore[arg-type]


Attack = Callable[[Connection], object]


def attack(repository: Repository, change: Attack) -> None:
    """Makes a change with the triggers removed."""
    sqlite = repository.database._sqlite
    with repository.database.write() as connection:
        for table in ("audit_events", "audit_checkpoints", "audit_removals"):
            for name in ("update", "delete") if sqlite else ("grow",):
                on = "" if sqlite else f" ON {table}"
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_{name}{on}"))
        change(connection)


def changed(seq: int) -> Attack:
    """Somebody else has done it."""
    return lambda connection: connection.execute(
        update(audit_events).where(audit_events.c.seq == seq).values(principal="reader 2")
    )


def removed(first: int, last: int) -> Attack:
    """Nobody has done it."""
    return lambda connection: connection.execute(
        delete(audit_events).where(audit_events.c.seq.between(first, last))
    )


def swapped(one: int, other: int) -> Attack:
    """It was done in another order."""

    def change(connection: Connection) -> None:
        for before, after in ((one, -1), (other, one), (-1, other)):
            row = audit_events.c.seq == before
            connection.execute(update(audit_events).where(row).values(seq=after))

    return change


def inserted(seq: int) -> Attack:
    """Something is put between two events, with a valid hash; later ones get other numbers."""

    def change(connection: Connection) -> None:
        last = connection.execute(select(func.max(audit_events.c.seq))).scalar_one()
        for number in range(last, seq - 1, -1):
            row = audit_events.c.seq == number
            connection.execute(update(audit_events).where(row).values(seq=number + 1))
        connection.execute(update(audit_head).values(seq=last + 1))
        _insert(connection, seq)

    return change


def appended(seq: int) -> Attack:
    """Something is put after the last event, and the head is left as it is."""
    return lambda connection: _insert(connection, seq)


def _insert(connection: Connection, seq: int) -> None:
    event = audit_event(seq, principal="reader 3")
    before = select(audit_events.c.hash).where(audit_events.c.seq == seq - 1)
    previous = connection.execute(before).scalar_one()
    members = {name: getattr(event, name) for name in AuditEvent.__dataclass_fields__}
    row = {**members, "previous_hash": previous, "hash": hash_of(seq, event, previous)}
    connection.execute(insert(audit_events).values(seq=seq, **row))


def rewritten(seq: int) -> Attack:
    """An event is changed, and all hashes from it to the end are computed anew."""

    def change(connection: Connection) -> None:
        changed(seq)(connection)
        query = select(audit_events).where(audit_events.c.seq >= seq).order_by(audit_events.c.seq)
        previous = ""
        for row in connection.execute(query).mappings().all():
            event = AuditEvent(**{name: row[name] for name in AuditEvent.__dataclass_fields__})
            previous = previous or row["previous_hash"]
            values = {"previous_hash": previous, "hash": hash_of(row["seq"], event, previous)}
            same = audit_events.c.seq == row["seq"]
            connection.execute(update(audit_events).where(same).values(values))
            previous = values["hash"]
        connection.execute(update(audit_head).values(hash=previous))

    return change


def truncated(last: int) -> Attack:
    """Events after `last` are removed with their checkpoints, and the head is set back."""

    def change(connection: Connection) -> None:
        connection.execute(delete(audit_events).where(audit_events.c.seq > last))
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.seq > last))
        end = select(audit_events.c.hash).where(audit_events.c.seq == last).scalar_subquery()
        connection.execute(update(audit_head).values(seq=last, hash=end))

    return change


def unsigned(seq: int) -> Attack:
    """A checkpoint states another time."""
    return lambda connection: connection.execute(
        update(audit_checkpoints).where(audit_checkpoints.c.seq == seq).values(time_ms=1)
    )


class RecordedTrail:
    """A recorder over a database of its own, and the events that it has stored."""

    def __init__(self, folder: Path) -> None:
        self.repository = migrated(f"sqlite:///{folder / 'audit.db'}")
        self.writer = AuditWriter(self.repository.audit, SIGNER)
        self.writer.start()
        self.recorder = AuditRecorder(self.writer)

    def close(self) -> list[AuditEvent]:
        """Stops the writer; all events."""
        self.writer.stop()
        events = [one.event for one in self.repository.audit.events(AuditFilter())]
        self.repository.close()
        return events
