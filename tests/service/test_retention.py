"""A run of retention deletes what its dry run said, also if it is killed again and again."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from imaging.errors import LegalHold
from imaging.formats.dicom.pseudonyms import pseudonym
from jobs.audit.event import AuditAction, AuditObject
from jobs.audit.filter import AuditFilter
from jobs.audit.verification import verify
from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.draft import DraftBase
from jobs.repository import audit_removals, retention_reports
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import drafts
from jobs.retention.hold import HoldKind
from jobs.retention.report import Place, Tally
from jobs.retention.rule import BASES, SERVICE, RetentionKind, RetentionRule
from jobs.settings import Settings
from service.auth import Principal
from service.dicom.series_inbox import SeriesInbox
from service.resources.audit_writer import AuditWriter
from service.resources.partial_uploads import PartialUploads, UploadLimits
from service.resources.received_series import TAKEN, ReceivedSeries, fingerprint
from service.use_cases import due_files
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.received_data import ReceivedData
from service.use_cases.retention import Retention, RetentionParts
from tests.support.audited import SIGNER, audit_event
from tests.support.claims import claimed
from tests.support.dicom.files import as_bytes, classic
from tests.support.migrated import migrated
from tests.support.rows import make_job, make_scan

DAY = 86_400.0
SECRET = b"a secret"
PATIENT = pseudonym("patient", "MRN-1", SECRET)


class Killed(BaseException):
    """In place of SIGKILL: nothing tidies up after it."""


class Service:
    """Four scans that are 50 days old, with jobs, drafts and received files of the same age."""

    def __init__(self, folder: Path, url: str) -> None:
        self.settings = Settings(data=folder, blob_grace_s=0, dicom_series_idle_s=0.001)
        self.repository = migrated(url or self.settings.database)
        self.blobs = open_blobs(self.settings)
        self.uploads = PartialUploads(self.settings.uploads, UploadLimits.of(self.settings))
        self.collector = BlobCollector(self.repository.references, self.blobs, self.settings)
        rows = self.repository
        series = ReceivedSeries(folder)
        self.received = ReceivedData(
            *(series, self.uploads, rows.accounts, rows.dicom_senders, rows.legal_holds),
            secret=lambda _: SECRET,
        )
        self.parts = RetentionParts(
            repository=rows,
            collector=self.collector,
            received=self.received,
            recorder=AuditRecorder(None),
            signer=lambda: SIGNER,
            principal_of=lambda project: Principal("test", project),
        )
        self.retention = Retention(self.parts)
        self.old = time.time() - 50 * DAY
        for number in range(4):
            self._scan(number)
        rows.audit.append([audit_event(n) for n in range(9)], SIGNER)
        self._receive()

    def _scan(self, number: int) -> None:
        rows, scan, job = self.repository, f"scan{number}", f"job{number}"
        sha256 = self._blob(scan)
        rows.scans.add(make_scan(scan, "local", sha256=sha256, created_at=self.old, bytes=100))
        rows.jobs.add(make_job(job, "local", scans={"t1": scan}))
        held = claimed(rows, job)
        rows.leases.finish(
            *(job, held.fence),
            mask_sha256=self._blob("the mask of all"),
            mask_format="nifti",
            preview_sha256=self._blob(f"preview {number}"),
            report={},
        )
        base = DraftBase(None, 6000, (1,), None)
        rows.drafts.begin("local", job, "Ann", base)
        with rows.database.write() as connection:
            connection.execute(update(jobs).values(finished_at=self.old))
            connection.execute(update(drafts).values(updated_at=self.old))

    def _blob(self, content: str) -> str:
        path = self.settings.data / "content"
        path.write_text(content)
        return self.blobs.put(path)

    def _receive(self) -> None:
        images = classic(np.zeros((4, 4, 3), np.int16), np.eye(4), PatientID="MRN-1")
        inbox = SeriesInbox(self.settings)
        for one in images:
            inbox.receive([as_bytes(one)], one.SOPInstanceUID, 1)
        inbox.association_ended(1, released=True)
        time.sleep(0.01)
        (series,) = inbox.complete()
        inbox.mark_taken(series)
        inbox.close()
        (folder,) = (path.parent for path in (self.settings.data / "inbox").rglob(TAKEN))
        for path in folder.iterdir():
            os.utime(path, (self.old, self.old))
        (folder / TAKEN).write_text(fingerprint(folder.iterdir()))
        os.utime(folder / TAKEN, (self.old, self.old))
        upload = self.uploads.create("local", "me", "a", 9)
        self.uploads.append(upload, 0, b"part")
        expiry = self.old + self.uploads.limits.keep_s
        os.utime(self.settings.uploads / f"{upload.id}.json", (expiry, expiry))

    def rule(self, kind: RetentionKind, days: float = 10) -> None:
        project = SERVICE if kind is RetentionKind.AUDIT else "local"
        rule = RetentionRule(project, kind, BASES[kind][0], days * DAY)
        self.repository.retention_rules.set(rule)

    def stored(self) -> set[str]:
        """Names and checksums of all files but the database."""
        return {
            f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            for name in ("blobs", "inbox", "uploads")
            for path in (self.settings.data / name).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.process)])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = Service(tmp_path / "data", url)
    yield made
    made.repository.close()


def numbers(tallies: Any) -> dict[str, int]:
    return {kind: tally.number for (_, kind), tally in tallies.items()}


def test_a_run_deletes_what_the_dry_run_said(service: Service) -> None:
    assert (service.retention.plan(), service.retention.run("test")) == ({}, None)
    for kind in RetentionKind:
        service.rule(kind)
    before = service.stored()
    planned = service.retention.plan()
    assert numbers(planned) == {
        "scans": 4,
        "masks": 4,
        "uploads": 1,
        "inbox": 1,
        "audit": 9,
    }, "previews and drafts go with their jobs"
    assert planned["local", "scans"] == Tally(4, 400, service.old, service.old)
    assert service.stored() == before
    report = service.retention.run("test")
    assert report is not None
    assert report.finished_at is not None
    assert report.tallies == planned
    assert service.stored() == set()
    assert service.retention.plan() == {}
    assert service.retention.run("test") is None
    assert verify(service.repository.audit, [SIGNER]).findings == ()
    page, _ = service.repository.retention_reports.page()
    assert page == [report]


@pytest.mark.parametrize(
    "kinds",
    [(RetentionKind.PREVIEWS, RetentionKind.DRAFTS), (RetentionKind.MASKS, RetentionKind.DRAFTS)],
)
def test_rules_that_keep_the_scans(service: Service, kinds: Sequence[RetentionKind]) -> None:
    for kind in kinds:
        service.rule(kind)
    planned = service.retention.plan()
    report = service.retention.run("test")
    assert report is not None
    assert report.tallies == planned
    assert numbers(planned)[kinds[0]] == 4
    assert len(service.repository.scans.page("local")[0]) == 4
    left = {name for group in service.blobs.older_than(-1) for name in group}
    assert len(left) == (5 if RetentionKind.PREVIEWS in kinds else 4)
    assert service.repository.references.unused(left) == []


def test_a_run_that_is_killed_goes_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a run that is killed after each step of its work, and started again."""
    monkeypatch.setattr(retention_reports, "LEASE_S", -1.0)
    monkeypatch.setattr(audit_removals, "AT_ONCE", 4)
    for kind in RetentionKind:
        service.rule(kind)
    planned = service.retention.plan()
    steps = _Steps(monkeypatch)
    kills = 0
    while True:
        steps.allow(kills % 4)
        try:
            report = service.retention.run("test")
        except Killed:
            kills += 1
            _check_whole(service)
        else:
            break
    assert kills > 5
    assert report is not None
    assert report.tallies == planned
    steps.allow(99)
    assert sum(service.collector.collect()) <= 9
    assert service.stored() == set()
    assert len(service.repository.retention_reports.page()[0]) == 1


class _Steps:
    """Kills the run after some transactions, and after some deletions of files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = 0
        for owner, name in (
            (BlobCollector, "delete_unused"),
            (due_files.DueUploads, "delete"),
            (due_files.DueSeries, "delete"),
            (audit_removals.AuditRemovals, "remove_stated"),
            (audit_removals.AuditRemovals, "state"),
        ):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def allow(self, number: int) -> None:
        self._left = number

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any) -> Any:
            if self._left <= 0:
                raise Killed
            self._left -= 1
            return function(*given)

        return step


def _check_whole(service: Service) -> None:
    """Every scan that is left has its job, and every file that rows name is there."""
    stored = {name for group in service.blobs.older_than(-1) for name in group}
    with service.repository.table_backup.state() as state:
        assert set(state.blobs()) <= stored
    for scan in service.repository.scans.page("local")[0]:
        assert service.repository.scans.uses("local", scan.id).jobs == 1
    assert verify(service.repository.audit, [SIGNER]).findings == ()


def test_what_a_killed_run_has_deleted_is_in_the_trail(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has no time to store events that wait."""
    writer = AuditWriter(service.repository.audit, SIGNER)
    writer.start()
    retention = Retention(replace(service.parts, recorder=AuditRecorder(writer)))
    service.rule(RetentionKind.SCANS)
    _Steps(monkeypatch).allow(2)
    with pytest.raises(Killed):
        retention.run("test")
    left = len(service.repository.scans.page("local")[0])
    wanted = AuditFilter(action=AuditAction.DELETION, object_kind=AuditObject.SCAN)
    gone = {one.event.object_id for one in service.repository.audit.events(wanted)}
    writer.stop()
    assert left < 4
    assert len(gone) == 4 - left


def test_holds_are_left_out_of_runs_and_of_what_expires(service: Service) -> None:
    for kind in RetentionKind:
        service.rule(kind)
    holds = service.repository.legal_holds
    one = holds.set("local", HoldKind.SCAN, "scan2", "Case 17.", "Ada")
    planned = service.retention.plan()
    assert numbers(planned) == {"scans": 3, "masks": 3, "uploads": 1, "inbox": 1}
    patient = holds.set("local", HoldKind.PATIENT, PATIENT, "Case 17.", "Ada")
    assert numbers(service.retention.plan()) == {"scans": 3, "masks": 3, "uploads": 1}
    project = holds.set("local", HoldKind.PROJECT, "", "Case 17.", "Ada")
    assert service.retention.run("test") is None
    (upload,) = service.uploads.all()
    assert service.received.keeps_upload(upload)
    with pytest.raises(LegalHold):
        service.repository.scans.delete("local", "scan0")

    holds.lift(project.id, "Ada")
    settings = service.settings.model_copy(update={"dicom_series_keep_s": 1.0})
    inbox = SeriesInbox(settings, service.received.keeps_series)
    inbox.delete_old()
    assert len(list((settings.data / "inbox").rglob("*.dcm"))) == 3
    holds.lift(patient.id, "Ada")
    inbox.delete_old()
    assert len(list((settings.data / "inbox").rglob("*.dcm"))) == 0
    inbox.close()
    report = service.retention.run("test")
    assert report is not None
    assert numbers(report.tallies) == {"scans": 3, "masks": 3, "uploads": 1}
    holds.lift(one.id, "Ada")
    place: Place = (SERVICE, "audit")
    assert service.retention.plan()[place].number == 9


def test_a_run_stops_between_two_things(service: Service) -> None:
    service.rule(RetentionKind.SCANS)
    gone: list[Place] = []
    assert service.retention.run("test", stops=lambda: bool(gone), progress=gone.append) is None
    assert gone == [("local", "scans")]
    report = service.retention.run("test")
    assert report is not None
    assert numbers(report.tallies) == {"scans": 4, "masks": 4}
