"""What readers made on a scan: more than its jobs, which can be run again."""

from sqlalchemy import Connection, Exists, exists, or_, select

from jobs.repository.schema.job_tables import job_scans, jobs
from jobs.repository.schema.reading_tables import readings
from jobs.repository.schema.review_tables import drafts, reviews
from jobs.repository.schema.worklist_tables import worklist


def has_reader_work(connection: Connection, scan_id: str) -> bool:
    """Whether the scan, or a job that uses it, has a review or label (also a withdrawn one), a
    draft, a reader that it is assigned to, a second reading, or a mask that a person uploaded."""
    users = select(job_scans.c.job).where(job_scans.c.scan == scan_id)
    assigned = jobs.join(worklist, worklist.c.seq == jobs.c.seq)
    made: list[Exists] = [
        exists().where(or_(reviews.c.scan == scan_id, reviews.c.job.in_(users))),
        exists().where(drafts.c.job.in_(users)),
        exists().where(readings.c.job.in_(users)),
        exists().where(jobs.c.id.in_(users), jobs.c.uploaded_by != ""),
        exists()
        .select_from(assigned)
        .where(jobs.c.id.in_(users), worklist.c.assignee.is_not(None)),
    ]
    return bool(connection.execute(select(or_(*made))).scalar_one())
