"""Everything that a database and a blob store can hold, without a gateway."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from imaging.hashes import sha256_of
from jobs.account import ProjectRole
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs, open_blobs
from jobs.browser_session import SignInMethod
from jobs.delivery import Delivery
from jobs.draft import ChangeSet, DraftBase
from jobs.identity import Identity
from jobs.repository import Repository
from jobs.repository.table_rows import OF_THE_MOMENT, Row, rows_of, tables_of
from jobs.review import Review
from jobs.settings import Settings
from jobs.training import Training
from tests.support.audited import SIGNER, audit_event
from tests.support.migrated import migrated
from tests.support.rows import make_job, make_scan


@dataclass(frozen=True)
class Service:
    """A service on the storage of some settings."""

    settings: Settings
    repository: Repository
    blobs: Blobs

    def put(self, content: bytes) -> str:
        """Stores a blob; its name."""
        path = self.settings.data / f"content-{uuid4().hex}"
        path.write_bytes(content)
        return self.blobs.put(path, move=True)

    def finished(self, name: str) -> None:
        """A scan and a finished job of it, with their blobs, as gateway and worker store them."""
        scan = self.put(os.urandom(3000))
        self.repository.scans.add(make_scan(f"scan-{name}", sha256=scan))
        self.repository.jobs.add(make_job(name, scans={"t1": f"scan-{name}"}))
        job = self.repository.leases.claim(name, "w", 60)
        assert job is not None
        assert self.repository.leases.finish(
            name,
            job.fence,
            mask_sha256=self.put(os.urandom(2000)),
            mask_format="nifti",
            preview_sha256=self.put(os.urandom(100)),
            report={"warnings": ["a β"], "measurements": {"labels": [{"volume_ml": 0.1 + 0.2}]}},
        )

    def fill(self) -> None:
        """One of everything: finished, running and waiting jobs, reviews, drafts, deliveries,
        accounts, and a chain of audit events."""
        self.finished("done")
        rows = self.repository
        rows.accounts.add_project("ward-3")
        ann = rows.accounts.add_member("ann", "Ann", "ward-3", ProjectRole.READER).person.id
        rows.passwords.set_by_link(rows.passwords.invite("ann", 60.0).secret, "a hash")
        rows.passwords.invite("ann", 60.0)
        rows.sign_in_attempts.begin(rows.sign_in_attempts.counter("ann", ""))
        rows.sign_in_attempts.succeeded("none", ann)
        rows.identities.link(Identity("https://login.example.org", "7"), "ann")
        session = rows.browser_sessions.begin(ann, SignInMethod.OIDC, 60.0)
        rows.provider_sessions.keep(session, "sealed")
        rows.api_keys.create("ward-3", "scanner", ProjectRole.UPLOADER)
        rows.audit.append([audit_event(number) for number in range(3)], SIGNER)
        for name in ("runs", "waits"):
            rows.jobs.add(make_job(name, scans={"t1": "scan-done"}))
        assert rows.leases.claim("runs", "w", 60) is not None
        corrected = self.put(b"a corrected mask")
        review = Review("r", "done", "corrected", "ok", "Ann", 5.0, corrected, "nifti", tag="final")
        rows.reviews.add("ada", review)
        draft = rows.drafts.begin("ada", "done", "Bob", DraftBase(None, 6000, (1, 2), None))
        packed = bytes(range(256))
        changes = ChangeSet(1, packed, sha256(packed).hexdigest(), 1, 5, 0.5)
        rows.drafts.append("ada", "done", "Bob", draft.id, changes)
        rows.deliveries.request(
            "ada", "done", [Delivery("d", "done", "archive", "dicom-seg", 2_000.5)]
        )
        rows.trainings.add(Training("t", "ada", "nuclei-2d", "1", "e" * 64, 1_000.25, "Ada"))
        rows.viewers.renew("ada", "done", "page", "Ann")

    def delete(self, name: str) -> None:
        """Deletes a scan with its jobs, and their blobs at once."""
        settings = self.settings.model_copy(update={"blob_grace_s": 0.0})
        unused = self.repository.scans.delete("ada", f"scan-{name}")
        BlobCollector(self.repository.references, self.blobs, settings).delete_unused(unused)

    def rows(self) -> dict[str, list[Row]]:
        """All rows of all tables."""
        with self.repository.database.read() as connection:
            return {
                table.name: [dict(row) for row in rows_of(connection, table)]
                for table in tables_of(connection)
            }

    def blob_names(self) -> list[str]:
        """The blobs that rows refer to."""
        with self.repository.table_backup.state() as state:
            return state.blobs()

    def check_blobs(self) -> int:
        """Reads every blob that a row refers to; their number."""
        names = self.blob_names()
        for name in names:
            with self.blobs.local(name) as path:
                assert sha256_of(path) == name
        return len(names)


@contextmanager
def service(settings: Settings, *, empty: bool = False) -> Iterator[Service]:
    """A service; `empty`: its database has no tables yet."""
    settings.data.mkdir(parents=True, exist_ok=True)
    made = Repository(settings.database) if empty else migrated(settings.database)
    with closing(made) as repository:
        yield Service(settings, repository, open_blobs(settings))


def lasting(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Without what a restore changes on purpose: the state of work that ran."""
    return {
        name: [row for row in group if row.get("id") != "runs"]
        for name, group in rows.items()
        if name not in (*OF_THE_MOMENT, "job_counts", "tallies", "worklist")
    }


def data_file(settings: Settings, place: str, content: bytes) -> Path:
    """A file of the data folder."""
    path = settings.data / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
