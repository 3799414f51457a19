"""Old events of the audit trail go behind a signed statement; any other removal is found."""

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DatabaseError

from jobs.audit.filter import AuditFilter
from jobs.audit.signing import Signer
from jobs.audit.verification import Fault, Finding, verify
from jobs.repository import Repository, audit, audit_removals
from jobs.repository.schema.audit_tables import audit_events
from jobs.repository.schema.audit_tables import audit_removals as removals
from jobs.retention.report import ReportKind
from tests.support.audited import SIGNER, Attack, attack, audit_event, changed, removed, rewritten

START_MS = audit_event().time_ms


@pytest.fixture
def trail(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """30 events, a millisecond apart, with checkpoints after each 10; portions of 4 are removed."""
    monkeypatch.setattr(audit, "CHECKPOINT_EVENTS", 10)
    monkeypatch.setattr(audit_removals, "AT_ONCE", 4)
    repository.audit.checkpoint(SIGNER)
    for start in range(0, 30, 10):
        repository.audit.append([audit_event(n) for n in range(start, start + 10)], SIGNER)
    return repository


def findings(trail: Repository, *recorded: tuple[int, str]) -> tuple[Finding, ...]:
    return verify(trail.audit, [SIGNER], recorded).findings


def remove(trail: Repository, before: int, *, portions: int = 99) -> None:
    """Removes the events before this one, as a run does that is killed after some portions."""
    report = trail.retention_reports.begin(ReportKind.ERASURE, "test")
    trail.audit_removals.state(START_MS + before, SIGNER)
    for _ in range(portions):
        if not trail.audit_removals.remove_stated(report):
            break
    trail.retention_reports.release(report)


def numbers(trail: Repository) -> list[int]:
    return [one.seq for one in trail.audit.events(AuditFilter())]


def test_the_rest_is_verified_from_the_statement(trail: Repository) -> None:
    known = [(one.seq, one.hash) for one in trail.audit.checkpoints()]
    assert trail.audit_removals.due(START_MS + 14).number == 14
    remove(trail, 14)
    result = verify(trail.audit, [SIGNER], known)
    assert (result.events, result.checkpoints, result.findings) == (16, 2, ())
    assert result.removal is not None
    assert (result.removal.seq, result.removal.before_ms) == (14, START_MS + 14)
    assert trail.audit_removals.due(START_MS + 14).number == 0
    assert trail.audit_removals.state(START_MS + 14, SIGNER) is None
    trail.audit.append([audit_event(30)], SIGNER)
    remove(trail, 99)
    assert (findings(trail), numbers(trail)) == ((), [])
    trail.audit.append([audit_event(31)], SIGNER)
    assert (findings(trail), numbers(trail)) == ((), [32])


@pytest.mark.parametrize("portions", [0, 1, 3])
def test_a_removal_that_was_interrupted_goes_on(trail: Repository, portions: int) -> None:
    remove(trail, 14, portions=portions)
    assert findings(trail) == ()
    assert trail.audit_removals.due(START_MS).number == 14 - 4 * portions
    remove(trail, 0)
    assert (findings(trail), numbers(trail)[0]) == ((), 15)


def test_events_are_removed_only_behind_a_statement(trail: Repository) -> None:
    remove(trail, 14)
    for statement in (
        delete(audit_events).where(audit_events.c.seq == 20),
        update(audit_events).values(principal="x"),
        delete(removals),
        update(removals).values(seq=20),
    ):
        with pytest.raises(DatabaseError), trail.database.write() as connection:
            connection.execute(statement)


def _statement(seq: int, signer: Signer) -> Attack:
    """A statement of somebody who may write to the database, and the removal."""
    made = signer.removal(seq, "0" * 64, START_MS + seq, START_MS + 99)
    members = {name: getattr(made, name) for name in type(made).__dataclass_fields__}

    def change(connection: object) -> None:
        connection.execute(insert(removals).values(members))  # type: ignore[attr-defined]
        removed(1, seq)(connection)  # type: ignore[arg-type]

    return change


ATTACKS: dict[str, tuple[Attack, list[Finding]]] = {
    "the next events go, too": (removed(15, 17), [Finding(Fault.MISSING, 15, 17)]),
    "the statement goes": (
        lambda connection: connection.execute(delete(removals)),
        [Finding(Fault.MISSING, 1, 14)],
    ),
    "the statement says more": (
        lambda connection: connection.execute(update(removals).values(before_ms=1)),
        [Finding(Fault.MISSING, 1, 14), Finding(Fault.BAD_SIGNATURE, 1, 14)],
    ),
    "a statement with another key": (
        _statement(17, Signer.of_secret(b"other")),
        [Finding(Fault.UNKNOWN_KEY, 1, 17), Finding(Fault.MISSING, 15, 17)],
    ),
    "the first event changes": (changed(15), [Finding(Fault.CHANGED, 15, 15)]),
    "the rest is rewritten": (
        rewritten(15),
        [Finding(Fault.REWRITTEN, 15, 20), Finding(Fault.BAD_SIGNATURE, 21, 30)],
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_found_where_it_is(trail: Repository, name: str) -> None:
    remove(trail, 14)
    change, expected = ATTACKS[name]
    attack(trail, change)
    assert set(findings(trail)) == set(expected)


def test_a_removal_without_a_statement_is_found(trail: Repository) -> None:
    attack(trail, removed(1, 14))
    assert findings(trail) == (Finding(Fault.MISSING, 1, 14),)
