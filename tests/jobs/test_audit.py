"""The audit trail: one chain on both databases, and attacks on it are found where they are."""

import threading
from contextlib import closing

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from imaging.errors import BadRequest
from jobs.audit.event import FIRST_HASH, AuditAction, AuditEvent, canonical
from jobs.audit.filter import AuditFilter
from jobs.audit.signing import Signer
from jobs.audit.verification import Fault, Finding, Verification, verify
from jobs.repository import Repository, audit
from jobs.repository.schema.audit_tables import audit_checkpoints, audit_events, audit_head
from tests.support.audited import (
    SIGNER,
    Attack,
    appended,
    attack,
    audit_event,
    changed,
    inserted,
    removed,
    rewritten,
    swapped,
    truncated,
    unsigned,
)

EVENTS, EVERY = 30, 10


@pytest.fixture
def trail(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """30 events, with checkpoints at 10, 20 and 30; the end is at 34."""
    monkeypatch.setattr(audit, "CHECKPOINT_EVENTS", EVERY)
    repository.audit.checkpoint(SIGNER)
    for start in range(0, EVENTS, EVERY):
        events = [audit_event(n) for n in range(start, start + EVERY)]
        repository.audit.append(events, SIGNER)
    repository.audit.append([audit_event(n) for n in range(EVENTS, EVENTS + 4)], SIGNER)
    return repository


def verified(repository: Repository, *keys: Signer) -> Verification:
    return verify(repository.audit, keys or [SIGNER])


def test_a_trail_is_one_chain_with_checkpoints(trail: Repository) -> None:
    result = verified(trail)
    assert (result.events, result.checkpoints, result.findings) == (34, 3, ())
    assert [one.seq for one in trail.audit.checkpoints()] == [10, 20, 30]
    events = list(trail.audit.events(AuditFilter()))
    assert [one.event for one in events] == [audit_event(n) for n in range(34)]
    assert events[0].previous_hash == FIRST_HASH
    assert trail.audit.checkpoint(SIGNER) == trail.audit.head()
    assert trail.audit.checkpoint(SIGNER) is None


def test_a_checkpoint_is_due_after_an_hour(
    trail: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trail.audit.append([audit_event(34)], SIGNER) is None
    monkeypatch.setattr(audit, "CHECKPOINT_S", 0.0)
    due = trail.audit.append([audit_event(35)], SIGNER)
    assert due is not None
    assert due.seq == 36


def test_writers_at_once_make_one_chain(database: str, repository: Repository) -> None:
    """Three gateways, each with its own connections, append at once in portions."""

    def write(gateway: int) -> None:
        with closing(Repository(database)) as own:
            for start in range(0, 60, 4):
                numbers = range(1000 * gateway + start, 1000 * gateway + start + 4)
                own.audit.append([audit_event(n, request=str(gateway)) for n in numbers], SIGNER)

    threads = [threading.Thread(target=write, args=(gateway,)) for gateway in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = verified(repository)
    assert (result.events, result.findings) == (180, ())
    events = [one.event for one in repository.audit.events(AuditFilter())]
    for gateway in range(3):
        own = [one.time_ms for one in events if one.request == str(gateway)]
        assert len(own) == 60
        assert own == sorted(own)


ATTACKS: dict[str, tuple[Attack, list[Finding]]] = {
    "changed": (changed(7), [Finding(Fault.CHANGED, 7, 7)]),
    "the last is changed": (changed(34), [Finding(Fault.CHANGED, 34, 34)]),
    "removed": (removed(7, 9), [Finding(Fault.MISSING, 7, 9)]),
    "the first is removed": (removed(1, 1), [Finding(Fault.MISSING, 1, 1)]),
    "swapped": (swapped(12, 14), [Finding(Fault.CHANGED, n, n) for n in (12, 14)]),
    "inserted": (
        inserted(33),
        [Finding(Fault.BAD_SIGNATURE, 31, 35), Finding(Fault.CHANGED, 34, 35)],
    ),
    "appended": (appended(35), [Finding(Fault.BEYOND_END, 35, 35)]),
    "rewritten": (
        rewritten(15),
        [Finding(Fault.REWRITTEN, 11, 20), Finding(Fault.BAD_SIGNATURE, 31, 34)],
    ),
    "rewritten after the last checkpoint": (
        rewritten(32),
        [Finding(Fault.BAD_SIGNATURE, 31, 34)],
    ),
    "cut at the end": (removed(25, 34), [Finding(Fault.MISSING, 25, 34)]),
    "cut with its checkpoints": (truncated(25), [Finding(Fault.BAD_SIGNATURE, 21, 25)]),
    "another checkpoint": (unsigned(20), [Finding(Fault.BAD_SIGNATURE, 11, 20)]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_found_where_it_is(trail: Repository, name: str) -> None:
    change, expected = ATTACKS[name]
    attack(trail, change)
    assert list(verified(trail).findings) == expected


def test_a_signed_end_that_is_put_back_needs_a_checkpoint_kept_elsewhere(trail: Repository) -> None:
    """An old state of the database can be restored; a checkpoint of the log shows that."""
    known = trail.audit.checkpoints()[-1]
    old = trail.audit.head()
    trail.audit.append([audit_event(99)], SIGNER)
    newer = trail.audit.checkpoint(SIGNER)
    assert newer is not None
    attack(
        trail,
        lambda connection: [
            truncated(34)(connection),
            connection.execute(
                update(audit_head).values(time_ms=old.time_ms, signature=old.signature)
            ),
        ],
    )
    assert verified(trail).findings == ()
    recorded = [(one.seq, one.hash) for one in (known, newer)]
    findings = verify(trail.audit, [SIGNER], recorded).findings
    assert findings == (Finding(Fault.MISSING, 35, 35),)


def test_another_key_is_named(trail: Repository) -> None:
    other = Signer.of_secret(b"another secret")
    findings = verified(trail, other).findings
    assert {one.fault for one in findings} == {Fault.UNKNOWN_KEY}
    trail.audit.append([audit_event(34)], other)
    assert verified(trail, SIGNER, other).findings == ()


def test_the_database_refuses_changes(trail: Repository) -> None:
    for table in (audit_events, audit_checkpoints):
        for statement in (update(table).values(time_ms=1), delete(table)):
            with (
                pytest.raises(DatabaseError, match="can only grow"),
                trail.database.write() as connection,
            ):
                connection.execute(statement)
    assert verified(trail).findings == ()


def test_pages_are_filtered_and_newest_first(trail: Repository) -> None:
    other = audit_event(50, "eve", action=AuditAction.DELETION, principal="x")
    trail.audit.append([other], SIGNER)
    page, cursor = trail.audit.page(AuditFilter(project="ada"), None, 20)
    assert [one.seq for one in page] == list(range(34, 14, -1))
    page, cursor = trail.audit.page(AuditFilter(project="ada"), cursor, 20)
    assert ([one.seq for one in page], cursor) == (list(range(14, 0, -1)), None)
    for wanted in (
        AuditFilter(action=AuditAction.DELETION),
        AuditFilter(principal="x"),
        AuditFilter(object_id=other.object_id, project="eve"),
        AuditFilter(since_ms=other.time_ms, until_ms=other.time_ms + 1),
    ):
        page, _ = trail.audit.page(wanted, None, 20)
        assert [one.event for one in page] == [other]
    with pytest.raises(BadRequest, match="cursor"):
        trail.audit.page(AuditFilter(), "x", 20)


def test_the_hashed_text_is_unambiguous() -> None:
    event = audit_event(1, principal='a","b', object_id="Mü\n\x00", origin="x" * 300)
    assert event.object_id == "Mü??"
    assert len(event.origin) == 200
    assert canonical(3, event, "f") == (
        rb'[1,3,1700000000001,"view","a\",\"b","ada","success","scan","M\u00fc??","'
        + b"x" * 200
        + b'","","00000000000000000000000000000001","f"]'
    )
    other = AuditEvent(event.time_ms, event.action, "a", "b", event.outcome)
    assert canonical(3, other, "f") != canonical(3, event, "f")
