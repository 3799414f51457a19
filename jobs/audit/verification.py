"""Verification of the audit trail: every event that was changed, removed, swapped or inserted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jobs.audit.event import FIRST_HASH, ChainedEvent
from jobs.audit.filter import AuditFilter
from jobs.audit.removal import AuditRemoval
from jobs.audit.signing import Checkpoint, Signer


class Fault(StrEnum):
    """What is wrong with one or several events."""

    CHANGED = "changed after it was stored, or swapped"
    MISSING = "missing"
    UNLINKED = "does not follow the event before it: inserted, or an event was removed or swapped"
    BEYOND_END = "after the end of the trail: inserted"
    REWRITTEN = "not what was signed: changed, with all hashes after it"
    BAD_SIGNATURE = "the signature that covers it is not valid: changed, inserted or removed"
    UNKNOWN_KEY = "the signature that covers it was made with another key"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and where it is."""

    fault: Fault
    first: int
    """Number of the first event; events from there on may be affected."""
    last: int

    def __str__(self) -> str:
        events = f"Event {self.first}" if self.first == self.last else f"Events {self.first} to"
        return f"{events}{'' if self.first == self.last else f' {self.last}'}: {self.fault}."


@dataclass(frozen=True, slots=True)
class Verification:
    """The result."""

    events: int
    checkpoints: int
    """How many have a valid signature, the end of the trail not counted."""
    end: Checkpoint
    findings: tuple[Finding, ...]
    removal: AuditRemoval | None = None
    """The newest valid statement that events were removed by a rule; the chain begins after it."""


class Trail(Protocol):
    """Where the trail is stored; `jobs.repository.Audit`."""

    def head(self) -> Checkpoint:
        """The end of the trail."""

    def checkpoints(self) -> list[Checkpoint]:
        """All checkpoints, oldest first."""

    def removals(self) -> list[AuditRemoval]:
        """All statements of removed events, oldest first."""

    def events(self, wanted: AuditFilter, up_to: int | None = None) -> Iterator[ChainedEvent]:
        """The events up to this number, oldest first."""

    def beyond_head(self) -> list[int]:
        """Numbers of events after the end."""


def verify(
    trail: Trail, signers: Sequence[Signer], recorded: Sequence[tuple[int, str]] = ()
) -> Verification:
    """Verifies all events and checkpoints of now; gateways may append and remove meanwhile.

    `recorded`: number and hash of events as checkpoints stated them that were kept elsewhere; those
    before a removal cannot be compared any more. Events that a removal covers may still be there.
    """
    stored, removals = trail.checkpoints(), trail.removals()
    head = trail.head()  # after the checkpoints, so that it is not before the last of them
    keys = {signer.key_id: signer for signer in signers}
    removal = next((one for one in reversed(removals) if not _signature_fault(one, keys)), None)
    start = 0 if removal is None else removal.seq
    signed = [(one, _signature_fault(one, keys)) for one in (*stored, head) if one.seq >= start]
    expected = {one.seq: one.hash for one, fault in signed if fault is None}
    chain = _Chain({**expected, **dict(recorded)}, removal)
    findings = list(chain.check(trail.events(AuditFilter(), head.seq)))
    findings += chain.missing_end(max((head.seq, *(one.seq for one in stored))))
    findings += [Finding(fault, *chain.covered(one.seq)) for one, fault in signed if fault]
    findings += _removal_faults(removals, keys)
    findings += [Finding(Fault.BEYOND_END, seq, seq) for seq in trail.beyond_head()]
    if trail.removals() != removals:  # events went while they were read
        return verify(trail, signers, recorded)
    valid = sum(fault is None for _, fault in signed[:-1])
    return Verification(chain.count, valid, head, tuple(_merged(findings)), removal)


def _removal_faults(removals: Sequence[AuditRemoval], keys: dict[str, Signer]) -> Iterator[Finding]:
    """Of all statements, also those before the newest."""
    for one in removals:
        if fault := _signature_fault(one, keys):
            yield Finding(fault, 1, one.seq)


def _signature_fault(signed: Checkpoint | AuditRemoval, keys: dict[str, Signer]) -> Fault | None:
    if not signed.seq and not signed.signature and signed.hash == FIRST_HASH:
        return None  # an empty trail
    if signed.key_id not in keys:
        return Fault.UNKNOWN_KEY
    return None if keys[signed.key_id].accepts(signed) else Fault.BAD_SIGNATURE


class _Chain:
    """Follows the events, oldest first."""

    def __init__(self, expected: dict[int, str], removal: AuditRemoval | None) -> None:
        """`expected`: number -> hash of events that are known from signatures. The chain begins
        after `removal`."""
        begin = (0, FIRST_HASH) if removal is None else (removal.seq, removal.hash)
        self._start = begin[0]
        self._expected = {seq: its for seq, its in expected.items() if seq >= self._start}
        self._marks = sorted(self._expected)
        self.count = 0
        self._seq, self._hash = begin

    def check(self, events: Iterable[ChainedEvent]) -> Iterator[Finding]:
        """The faults of events and links, and the first hash that differs from a signed one."""
        rewritten, links = self._expected.get(self._seq, self._hash) != self._hash, True
        if rewritten:
            yield Finding(Fault.REWRITTEN, *self.covered(self._seq))
        for one in events:
            if 1 <= one.seq <= self._start:  # it is about to be removed
                continue
            self.count += 1
            if one.seq != self._seq + 1:
                links = False
                yield Finding(Fault.MISSING, self._seq + 1, one.seq - 1)
            changed = one.hash != one.expected_hash()
            if changed:
                yield Finding(Fault.CHANGED, one.seq, one.seq)
            elif links and one.previous_hash != self._hash:
                yield Finding(Fault.UNLINKED, one.seq, one.seq)
            links = not changed  # what follows a changed event cannot be linked to it
            if not rewritten and self._expected.get(one.seq, one.hash) != one.hash:
                rewritten = True  # later signatures differ in consequence
                yield Finding(Fault.REWRITTEN, *self.covered(one.seq))
            self._seq, self._hash = one.seq, one.hash

    def missing_end(self, end: int) -> list[Finding]:
        """Events that were removed at the end, or that signatures state beyond it."""
        last = max(end, *self._marks, 0)
        return [Finding(Fault.MISSING, self._seq + 1, last)] if last > self._seq else []

    def covered(self, seq: int) -> tuple[int, int]:
        """The events that only the signature at `seq` covers: those after the one before it."""
        before = max((mark for mark in self._marks if mark < seq), default=self._start)
        return min(before + 1, max(seq, 1)), max(seq, 1)


def _merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """In the order of events; adjacent ones with the same fault become one."""
    merged: list[Finding] = []
    for one in sorted(findings, key=lambda one: (one.fault, one.first)):
        last = merged[-1] if merged else None
        if last is not None and last.fault is one.fault and one.first <= last.last + 1:
            merged[-1] = Finding(last.fault, last.first, max(last.last, one.last))
        else:
            merged.append(one)
    return iter(sorted(merged, key=lambda one: (one.first, one.last)))
