"""Erasure of a patient's rows: scans by pseudonym, and all that names them or their jobs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, func, or_, select

from jobs.job import JobState
from jobs.repository.batch_reviews import named_by
from jobs.repository.database import Database
from jobs.repository.retention_reports import count
from jobs.repository.scans import delete_scan
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import job_scans, jobs, unfinished
from jobs.repository.schema.reading_tables import reading_events, viewers
from jobs.repository.schema.review_tables import batch_reviews, drafts, reviews
from jobs.repository.schema.scan_tables import image_names, scans
from jobs.repository.schema.table_parts import in_state
from jobs.repository.schema.webhook_tables import job_ends, webhook_messages
from jobs.repository.schema.worker_tables import trainings

_OF_JOBS = {"reviews": reviews, "drafts": drafts, "deliveries": deliveries}
_LEFT_BY_DELETIONS = {
    "webhook messages": webhook_messages,
    "announcements": job_ends,
    "stages of second readings": reading_events,
    "open pages": viewers,
}
"""Name in the report -> table without a foreign key; a deletion of the scan alone leaves them."""


@dataclass(frozen=True, slots=True)
class ErasedScan:
    """A scan of the patient."""

    id: str
    project: str
    bytes: int
    created_at: float


class Erasures:
    """Finds and erases what belongs to a patient."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scans(
        self, projects: Collection[str], subjects: Collection[str], ids: Collection[str] = ()
    ) -> list[ErasedScan]:
        """The scans of these projects that have one of the pseudonyms or ids, oldest first."""
        columns = (scans.c.id, scans.c.project, scans.c.bytes, scans.c.created_at)
        subject = scans.c.display["subject"].as_string()
        theirs = scans.c.display.is_not(None) & subject.in_(subjects)
        query = select(*columns).where(scans.c.project.in_(projects), theirs | scans.c.id.in_(ids))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(scans.c.seq))
            return [ErasedScan(*row) for row in rows]

    def unfinished(self, scan: ErasedScan) -> list[str]:
        """The jobs that use the scan and wait or run."""
        used = select(job_scans.c.job).where(job_scans.c.scan == scan.id)
        with self._database.read() as connection:
            query = select(jobs.c.id).where(jobs.c.id.in_(used), unfinished)
            return list(connection.execute(query).scalars())

    def trainings(self, projects: Collection[str]) -> list[str]:
        """The trainings of these projects that wait or run: they have copies of scans."""
        open_ = or_(*(in_state(trainings, one) for one in (JobState.QUEUED, JobState.RUNNING)))
        query = select(trainings.c.id).where(trainings.c.project.in_(projects), open_)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def belonging(self, scan: ErasedScan) -> dict[str, int]:
        """How many things go with the scan, by their names in reports."""
        with self._database.read() as connection:
            return _belonging(connection, scan)

    def erase(self, scan: ErasedScan, report: str) -> list[str]:
        """Erases a scan and all that names it, and counts it; returns the blobs that are no longer
        used. Raises NotFound, LegalHold, and Conflict while a job uses it."""
        with self._database.write() as connection:
            numbers = _belonging(connection, scan)
            ids = _jobs(connection, scan)
            blobs = delete_scan(self._database, connection, scan.project, scan.id)
            for table in _LEFT_BY_DELETIONS.values():
                connection.execute(delete(table).where(table.c.job.in_(ids)))
            replies = named_by(connection, scan.project, set(ids))
            connection.execute(delete(batch_reviews).where(batch_reviews.c.id.in_(replies)))
            place = (scan.project, "scans")
            count(connection, report, place, scan.bytes, scan.created_at)
            for kind, number in numbers.items():
                if number:
                    count(connection, report, (scan.project, kind), 0, scan.created_at, number)
        return blobs


def _jobs(connection: Connection, scan: ErasedScan) -> list[str]:
    query = select(job_scans.c.job).where(job_scans.c.scan == scan.id)
    return list(connection.execute(query).scalars())


def _belonging(connection: Connection, scan: ErasedScan) -> dict[str, int]:
    ids = _jobs(connection, scan)
    own = reviews.c.job.is_(None) & (reviews.c.scan == scan.id)
    tables = {**_OF_JOBS, **_LEFT_BY_DELETIONS}
    numbers = {"jobs": len(ids)}
    numbers |= {name: _count(connection, table, ids) for name, table in tables.items()}
    numbers["reviews"] += connection.execute(
        select(func.count()).select_from(reviews).where(own)
    ).scalar_one()
    numbers["names"] = connection.execute(
        select(func.count()).select_from(image_names).where(image_names.c.scan == scan.id)
    ).scalar_one()
    numbers["replies"] = len(named_by(connection, scan.project, set(ids)))
    return numbers


def _count(connection: Connection, table: Table, job_ids: Sequence[str]) -> int:
    query = select(func.count()).select_from(table).where(table.c.job.in_(job_ids))
    return int(connection.execute(query).scalar_one())
