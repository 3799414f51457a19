"""Erasure of a patient: scans with all results, received files, and what names them."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from imaging.errors import Conflict, NotFound
from jobs.audit.event import AuditAction, AuditObject
from jobs.repository import ErasedScan
from jobs.retention.hold import held_by
from jobs.retention.report import Place, Report, ReportKind, Tally, add_to
from service.resources.partial_uploads import PartialUpload
from service.resources.received_series import ReceivedFolder
from service.use_cases.audit_recorder import Deed
from service.use_cases.retention import RetentionParts
from service.use_cases.scan_removal import delete_blobs

_LOG_TRIES = 20
_LOG_PAUSE_S = 0.25
SERIES, UPLOADS = "received series", "unfinished uploads"


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose data is erased, and where."""

    projects: Sequence[str]
    subjects: frozenset[str]
    """Pseudonyms; not empty texts."""
    scans: frozenset[str] = frozenset()
    """Ids of further scans, such as NIfTI, which name no patient."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The result."""

    report: Report
    log_emptied: bool
    """Whether the write-ahead log of SQLite has no deleted rows any more."""


@dataclass(slots=True)
class _Found:
    """What there is of a patient."""

    scans: list[ErasedScan] = field(default_factory=list)
    series: list[tuple[str, ReceivedFolder]] = field(default_factory=list)
    uploads: list[PartialUpload] = field(default_factory=list)


class Erasure:
    """Finds and erases."""

    def __init__(self, parts: RetentionParts) -> None:
        self._parts = parts
        self._rows = parts.repository
        self._received = parts.received

    def plan(self, patient: Patient) -> dict[Place, Tally]:
        """What an erasure would erase now. Raises as `erase`."""
        self._check(patient)
        found, tallies = self._find(patient), dict[Place, Tally]()
        for scan in found.scans:
            add_to(tallies, (scan.project, "scans"), scan.bytes, scan.created_at)
            for kind, number in self._rows.erasures.belonging(scan).items():
                for _ in range(number):
                    add_to(tallies, (scan.project, kind), 0, scan.created_at)
        for project, series in found.series:
            add_to(tallies, (project, SERIES), series.bytes, series.newest)
        for upload in found.uploads:
            add_to(tallies, (upload.project, UPLOADS), *self._facts(upload))
        return tallies

    def unattributed(self, patient: Patient) -> list[PartialUpload]:
        """Unfinished uploads of the projects that are no readable DICOM file: nothing says whose
        they are."""
        uploads = (one for n in patient.projects for one in self._received.uploads_of(n))
        return [one for one in uploads if self._subject_of(one) is None]

    def erase(self, patient: Patient, requested_by: str) -> Erased:
        """Erases; jobs that wait or run are cancelled.

        Raises LegalHold, and Conflict while a training of the projects or another run is at work;
        then nothing is erased. Raises Unavailable and StorageFull; repeat it then.
        """
        self._check(patient)
        reports = self._rows.retention_reports
        report = reports.begin(ReportKind.ERASURE, requested_by)
        try:
            self._erase_files(patient, report)
            while found := self._find(patient).scans:
                for scan in found:
                    self._erase_scan(scan, report)
                    reports.renew(report)
            self._rows.legal_holds.forget(patient.projects, patient.subjects)
        except Exception:
            reports.release(report)
            raise
        finished = reports.finish(report)
        for project in patient.projects:
            self._record(project, AuditObject.RETENTION_REPORT, report)
        return Erased(finished, self._empty_log())

    def _check(self, patient: Patient) -> None:
        for project in patient.projects:
            self._rows.legal_holds.check_subjects(project, patient.subjects)
        for scan in self._find(patient).scans:
            for hold in self._rows.scans.uses(scan.project, scan.id).holds:
                raise held_by(hold)
        if running := self._rows.erasures.trainings(patient.projects):
            raise Conflict(
                f"A training of the project has not ended: {running[0]}. It has copies of scans.",
                expected="No training that waits or runs.",
                hint="Cancel it, or wait until it has ended.",
            )

    def _find(self, patient: Patient) -> _Found:
        found = _Found()
        found.scans = self._rows.erasures.scans(patient.projects, patient.subjects, patient.scans)
        for project in patient.projects:
            for series in self._received.series_of(project):
                if self._subject(project, series.first) in patient.subjects:
                    found.series.append((project, series))
            for upload in self._received.uploads_of(project):
                if self._subject_of(upload) in patient.subjects:
                    found.uploads.append(upload)
        return found

    def _erase_files(self, patient: Patient, report: str) -> None:
        """Before the scans, of which received files would become new ones."""
        reports, found = self._rows.retention_reports, self._find(patient)
        for project, series in found.series:
            series.remove()
            reports.count(report, (project, SERIES), series.bytes, series.newest)
        for upload in found.uploads:
            size, at = self._facts(upload)
            self._received.uploads.remove(upload)
            reports.count(report, (upload.project, UPLOADS), size, at)

    def _erase_scan(self, scan: ErasedScan, report: str) -> None:
        for job in self._rows.erasures.unfinished(scan):
            with suppress(NotFound, Conflict):  # it has ended
                self._rows.jobs.cancel(scan.project, job)
        with suppress(NotFound):  # somebody else has deleted it
            unused = self._rows.erasures.erase(scan, report)
            self._record(scan.project, AuditObject.SCAN, scan.id)
            delete_blobs(self._parts.collector, unused)

    def _empty_log(self) -> bool:
        """A gateway that reads at this moment prevents it, so it is tried several times."""
        for _ in range(_LOG_TRIES):
            if self._rows.database.empty_log():
                return True
            time.sleep(_LOG_PAUSE_S)
        return False

    def _subject_of(self, upload: PartialUpload) -> str | None:
        return self._subject(upload.project, self._received.uploads.path(upload))

    def _subject(self, project: str, path: Path | None) -> str | None:
        """As `ReceivedData.subject`; empty for a file that is gone."""
        with suppress(FileNotFoundError):
            return "" if path is None else self._received.subject(project, path)
        return ""

    def _facts(self, upload: PartialUpload) -> tuple[int, float]:
        """Bytes, and when the last one arrived."""
        uploads = self._received.uploads
        with suppress(NotFound):
            last = uploads.expires_at(upload) - uploads.limits.keep_s
            return uploads.offset(upload), last
        return 0, time.time()

    def _record(self, project: str, kind: AuditObject, object_id: str) -> None:
        principal = self._parts.principal_of(project)
        deed = Deed(principal, AuditAction.DELETION, objects=((kind, object_id),))
        self._parts.recorder.note(deed)
