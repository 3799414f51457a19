"""Retention: what is due by the rules of projects, and its deletion, one thing after another."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from imaging.errors import Conflict, NotFound
from jobs.audit.event import AuditAction, AuditObject
from jobs.audit.signing import Signer
from jobs.blob_collector import BlobCollector
from jobs.repository import Repository
from jobs.retention.due import Due
from jobs.retention.report import Place, Report, ReportKind, Tally, add_to
from jobs.retention.rule import RetentionKind, RetentionRule
from service.auth import Principal
from service.use_cases.audit_recorder import AuditRecorder, Deed, Object
from service.use_cases.audit_retention import AuditRetention
from service.use_cases.due_files import DueSeries, DueUploads
from service.use_cases.received_data import ReceivedData
from service.use_cases.scan_removal import delete_blobs

_RENEW_S = 30.0
_OBJECTS = {RetentionKind.SCANS: AuditObject.SCAN, RetentionKind.MASKS: AuditObject.JOB}
"""Kinds of which each deletion is recorded; of the others, only the report is."""


class Target(Protocol):
    """Data of one kind: `DueScans`, `DueJobs`, `DueUploads` and so on."""

    kind: RetentionKind
    """What it is."""

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """What is due by the rule, except what a hold covers."""

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """Deletes one thing and counts it; returns blobs that are no longer used. Raises NotFound
        and Conflict for one that has changed."""


@dataclass(frozen=True, slots=True)
class RetentionParts:
    """What retention and erasure use."""

    repository: Repository
    collector: BlobCollector
    received: ReceivedData
    recorder: AuditRecorder
    signer: Callable[[], Signer]
    """Returns the signer of the audit trail."""
    principal_of: Callable[[str], Principal]
    """Who deletes, by project."""


class Retention:
    """Applies the rules."""

    def __init__(self, parts: RetentionParts) -> None:
        rows, received = parts.repository, parts.received
        self._parts = parts
        self._rules, self._reports = rows.retention_rules, rows.retention_reports
        self._events = AuditRetention(
            rows.audit_removals, rows.legal_holds, self._reports, parts.signer
        )
        targets: tuple[Target, ...] = (
            *(rows.due_scans, rows.due_jobs, rows.due_previews, rows.due_drafts),
            *(DueUploads(received, self._reports), DueSeries(received, self._reports)),
        )
        self._targets = {target.kind: target for target in targets}

    def plan(self) -> dict[Place, Tally]:
        """What a run would delete now."""
        tallies: dict[Place, Tally] = {}
        gone: set[str] = set()
        for rule, _, item in self._due():
            if item.job in gone:
                continue
            add_to(tallies, (rule.project, rule.kind), item.bytes, item.at)
            if rule.kind is RetentionKind.MASKS:
                gone.add(item.id)
            for job, its in item.jobs.items():
                if job not in gone:
                    gone.add(job)
                    add_to(tallies, (rule.project, RetentionKind.MASKS), its.bytes, its.at)
        for rule in self._audit_rules():
            if (events := self._events.due(rule)).number:
                tallies[rule.project, rule.kind] = events
        return tallies

    def run(
        self,
        requested_by: str,
        *,
        stops: Callable[[], bool] = lambda: False,
        progress: Callable[[Place], None] = lambda _: None,
    ) -> Report | None:
        """Deletes what is due, and returns the report; None if nothing is due, or if it `stops`.

        Raises Conflict while another run is at work, Unavailable and StorageFull; the next run
        continues then, with the same report.
        """
        if not self._reports.interrupted() and not self._is_due():
            return None
        report = self._reports.begin(ReportKind.RULES, requested_by)
        with self._released(report):
            self._delete_due(report, stops, progress)
            for rule in self._audit_rules():
                last = self._events.remove(rule, report, stops)
                if last is not None:
                    self._record(rule.project, (AuditObject.AUDIT_TRAIL, str(last)))
            if stops():
                self._reports.release(report)
                return None
            finished = self._reports.finish(report)
        for project in sorted({project for project, _ in finished.tallies}):
            self._record(project, (AuditObject.RETENTION_REPORT, report))
        return finished

    def _delete_due(
        self, report: str, stops: Callable[[], bool], progress: Callable[[Place], None]
    ) -> None:
        renewed = time.monotonic()
        for rule, target, item in self._due():
            if stops():
                return
            if time.monotonic() - renewed > _RENEW_S:
                self._reports.renew(report)
                renewed = time.monotonic()
            try:
                unused = target.delete(rule.project, item, report)
            except (NotFound, Conflict):  # it has changed since, or a hold was set
                continue
            if rule.kind in _OBJECTS:
                self._record(rule.project, (_OBJECTS[rule.kind], item.id))
            delete_blobs(self._parts.collector, unused)
            progress((rule.project, rule.kind))

    def _due(self) -> Iterator[tuple[RetentionRule, Target, Due]]:
        """What is due; what goes with something else comes after it."""
        now = time.time()
        kinds = list(self._targets)
        rules = [rule for rule in self._rules.all() if rule.kind in self._targets]
        for rule in sorted(rules, key=lambda rule: (rule.project, kinds.index(rule.kind))):
            for item in self._targets[rule.kind].due(rule, now):
                yield rule, self._targets[rule.kind], item

    def _is_due(self) -> bool:
        if any(self._events.due(rule).number for rule in self._audit_rules()):
            return True
        return next(self._due(), None) is not None

    def _audit_rules(self) -> list[RetentionRule]:
        return [rule for rule in self._rules.all() if rule.kind is RetentionKind.AUDIT]

    @contextmanager
    def _released(self, report: str) -> Iterator[None]:
        """After an error, the next run may continue at once."""
        try:
            yield
        except Exception:
            self._reports.release(report)
            raise

    def _record(self, project: str, object_: Object) -> None:
        """Returns when the event is stored: a run may be killed at any time."""
        principal = self._parts.principal_of(project)
        self._parts.recorder.done(Deed(principal, AuditAction.DELETION, objects=(object_,)))
