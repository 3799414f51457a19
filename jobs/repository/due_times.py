"""What the queries for due rows share: the newest of several rows, sizes, and holds of jobs."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, exists, func, select

from jobs.repository.database import Database
from jobs.repository.legal_holds import check_not_held, held_scan
from jobs.repository.schema.job_tables import job_scans, jobs
from jobs.repository.schema.review_tables import reviews
from jobs.repository.schema.scan_tables import scans


def newest(
    connection: Connection,
    key: ColumnElement[str | None],
    at: ColumnElement[float],
    where: ColumnElement[bool],
) -> dict[str, float]:
    """Key -> the largest time of its rows."""
    query = select(key, func.max(at)).where(where, key.is_not(None)).group_by(key)
    return {str(one): time for one, time in connection.execute(query) if time is not None}


def reviewed_bytes(connection: Connection, job_ids: Collection[str]) -> dict[str, int]:
    """Job -> bytes of its corrected masks."""
    query = select(reviews.c.job, func.sum(reviews.c.mask_bytes)).where(reviews.c.job.in_(job_ids))
    return {job: int(size) for job, size in connection.execute(query.group_by(reviews.c.job))}


def held_job() -> ColumnElement[bool]:
    """The condition for rows of `jobs` of which a hold covers a scan."""
    used, scan = job_scans.alias(), scans.alias()  # the statement around it may name both
    return exists().where(used.c.job == jobs.c.id, scan.c.id == used.c.scan, held_scan(scan))


def check_job_not_held(
    database: Database, connection: Connection, project: str, job_id: str
) -> None:
    """As `check_not_held`, for the scans of a job."""
    used = connection.execute(select(job_scans.c.scan).where(job_scans.c.job == job_id))
    check_not_held(database, connection, project, used.scalars().all())
