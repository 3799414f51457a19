"""Scans whose time is over, and their deletion with all that belongs to them."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, Table, exists, func, or_, select

from jobs.repository.database import Database
from jobs.repository.due_times import held_job, newest, reviewed_bytes
from jobs.repository.legal_holds import held_scan
from jobs.repository.retention_reports import count
from jobs.repository.scans import delete_scan
from jobs.repository.schema.job_tables import job_scans, jobs, unfinished
from jobs.repository.schema.review_tables import drafts, reviews
from jobs.repository.schema.scan_tables import image_names, scans
from jobs.retention.due import Due, DueJob
from jobs.retention.rule import Basis, RetentionKind, RetentionRule

AT_ONCE = 200
"""Rows that are read in one transaction."""


class DueScans:
    """Scans that no hold covers, and no job of which waits, runs, or uses a scan under a hold."""

    kind = RetentionKind.SCANS

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """Those whose time is over at `now`, in seconds since the epoch."""
        before, after = now - rule.keep_s, 0
        kept = exists().where(
            job_scans.c.scan == scans.c.id,
            jobs.c.id == job_scans.c.job,
            or_(unfinished, held_job()),
        )
        query = select(scans.c.seq, scans.c.id, scans.c.bytes, scans.c.created_at).where(
            scans.c.project == rule.project, scans.c.created_at < before, ~kept, ~held_scan()
        )
        query = query.order_by(scans.c.seq).limit(AT_ONCE)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(scans.c.seq > after)).all()
                times = _times(connection, rule.basis, {row.id: row.created_at for row in rows})
                ids = [row.id for row in rows if times.get(row.id, now) < before]
                jobs_of = _jobs(connection, ids)
                labels = _label_bytes(connection, ids)
            for row in rows:
                if row.id in jobs_of:
                    size = row.bytes + labels.get(row.id, 0)
                    yield Due(row.id, size, times[row.id], jobs=jobs_of[row.id])
            if len(rows) < AT_ONCE:
                return
            after = rows[-1].seq

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """Deletes a scan and counts it; returns the blobs that are no longer used.

        Raises NotFound and Conflict if it changed meanwhile.
        """
        with self._database.write() as connection:
            belonging = _jobs(connection, [item.id])[item.id]
            blobs = delete_scan(self._database, connection, project, item.id)
            count(connection, report, (project, self.kind), item.bytes, item.at)
            for job in belonging.values():
                count(connection, report, (project, RetentionKind.MASKS), job.bytes, job.at)
        return blobs


def _times(connection: Connection, basis: Basis, created: dict[str, float]) -> dict[str, float]:
    """From when on the time of each of these scans counts; none for one that was not reviewed."""
    ids = list(created)
    if basis is Basis.CREATION:
        return created
    reviewed = [
        newest(connection, reviews.c.scan, reviews.c.created_at, reviews.c.scan.in_(ids)),
        _of_jobs(connection, ids, reviews, reviews.c.created_at),
    ]
    if basis is Basis.LAST_REVIEW:
        return _latest(reviewed)
    used = image_names.c.scan
    return _latest(
        [
            created,
            *reviewed,
            _of_jobs(connection, ids, jobs, jobs.c.created_at),
            _of_jobs(connection, ids, jobs, jobs.c.finished_at),
            _of_jobs(connection, ids, drafts, drafts.c.updated_at),
            newest(connection, used, image_names.c.used_at, used.in_(ids)),
        ]
    )


def _of_jobs(
    connection: Connection, scan_ids: list[str], table: Table, at: ColumnElement[float]
) -> dict[str, float]:
    """Scan -> the newest time of rows of its jobs."""
    job = table.c.id if table is jobs else table.c.job
    query = select(job_scans.c.scan, func.max(at)).join(table, job == job_scans.c.job)
    query = query.where(job_scans.c.scan.in_(scan_ids)).group_by(job_scans.c.scan)
    return {scan: time for scan, time in connection.execute(query) if time is not None}


def _latest(times: Sequence[dict[str, float]]) -> dict[str, float]:
    ids = {one for each in times for one in each}
    return {one: max(each[one] for each in times if one in each) for one in ids}


def _jobs(connection: Connection, scan_ids: list[str]) -> dict[str, dict[str, DueJob]]:
    """Scan -> its jobs."""
    query = select(job_scans.c.scan, jobs.c.id, jobs.c.mask_bytes, jobs.c.finished_at).join(
        jobs, jobs.c.id == job_scans.c.job
    )
    rows = connection.execute(query.where(job_scans.c.scan.in_(scan_ids))).all()
    corrected = reviewed_bytes(connection, [row.id for row in rows])
    found: dict[str, dict[str, DueJob]] = {one: {} for one in scan_ids}
    for row in rows:
        size = row.mask_bytes + corrected.get(row.id, 0)
        found[row.scan][row.id] = DueJob(size, row.finished_at or 0.0)
    return found


def _label_bytes(connection: Connection, scan_ids: list[str]) -> dict[str, int]:
    """Scan -> bytes of masks that were drawn on it without a job."""
    query = select(reviews.c.scan, func.sum(reviews.c.mask_bytes)).where(
        reviews.c.scan.in_(scan_ids), reviews.c.job.is_(None)
    )
    return {scan: int(size) for scan, size in connection.execute(query.group_by(reviews.c.scan))}
