"""Jobs whose masks readers accepted or corrected, for data sets of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from jobs.job import Job, JobState
from jobs.job_filter import Verdict
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.rows import review_of, scan_of
from jobs.repository.schema.job_tables import brief, jobs
from jobs.repository.schema.reading_tables import readings
from jobs.repository.schema.review_tables import review_stands, reviews
from jobs.repository.schema.scan_tables import scans
from jobs.review import Review
from jobs.stored_scan import StoredScan

_PAGE = 200
_APPROVED = (Verdict.ACCEPTED.value, Verdict.CORRECTED.value)


@dataclass(frozen=True, slots=True)
class JudgedJob:
    """A finished job whose mask a reader accepted or corrected."""

    job: Job
    review: Review
    """The review whose verdict is the job's."""
    scans: tuple[StoredScan, ...]
    """In the order of the job's channels."""


class JudgedJobs:
    """The accepted and corrected masks of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_models(self, project: str, models: Collection[str]) -> Iterator[JudgedJob]:
        """Those that these models made in the project, oldest job first.

        A job in a second reading has a verdict only once the reading is complete, and a rejected
        mask or a withdrawn verdict is none. Pages are read as they are needed.
        """
        last: int | None = 0
        while last is not None:
            with self._database.read() as connection:
                page, last = _page(connection, project, models, last)
            yield from page


def _page(
    connection: Connection, project: str, models: Collection[str], last: int
) -> tuple[list[JudgedJob], int | None]:
    """The jobs after the sequence number `last`, and that of the next page's; None: no more."""
    query = (
        select(*brief)
        .where(
            jobs.c.project == project,
            jobs.c.model.in_(models),
            jobs.c.state == JobState.SUCCEEDED,
            jobs.c.verdict.in_(_APPROVED),
            jobs.c.seq > last,
        )
        .order_by(jobs.c.seq)
        .limit(_PAGE)
    )
    rows = connection.execute(query).mappings().all()
    decisive = _reviews(connection, [row["id"] for row in rows])
    found = [job for job in read_jobs(connection, rows) if job.id in decisive]
    stored = _scans(connection, {scan for job in found for scan in job.scans.values()})
    page = [
        JudgedJob(job, decisive[job.id], tuple(stored[scan] for scan in job.scans.values()))
        for job in found
    ]
    return page, rows[-1]["seq"] if len(rows) == _PAGE else None


def _reviews(connection: Connection, job_ids: Collection[str]) -> dict[str, Review]:
    """Job id -> the review whose verdict is the job's: what its second reading says, or the newest
    that stands."""
    query = (
        select(reviews)
        .join(readings, readings.c.job == reviews.c.job, isouter=True)
        .where(reviews.c.job.in_(job_ids), review_stands)
        .where(or_(readings.c.job.is_(None), readings.c.review == reviews.c.id))
        .order_by(reviews.c.seq)
    )
    return {row["job"]: review_of(row) for row in connection.execute(query).mappings()}


def _scans(connection: Connection, ids: Collection[str]) -> dict[str, StoredScan]:
    query = select(scans).where(scans.c.id.in_(ids))
    return {row["id"]: scan_of(row) for row in connection.execute(query).mappings()}
