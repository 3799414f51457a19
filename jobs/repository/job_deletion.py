"""Deletion of jobs with all that belongs to them, as part of a caller's transaction."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, select

from imaging.errors import Conflict
from jobs.job import JobState
from jobs.repository.rows import Row
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import batches, brief, job_scans, jobs
from jobs.repository.schema.review_tables import reviews


def lock_ended(connection: Connection, scan_ids: Collection[str]) -> Sequence[Row]:
    """The rows of the jobs that use these scans, locked; raises Conflict while one is queued or
    running."""
    users = select(job_scans.c.job).where(job_scans.c.scan.in_(scan_ids))
    query = select(*brief).where(jobs.c.id.in_(users)).with_for_update()
    rows = connection.execute(query).mappings().all()
    if any(not JobState(row["state"]).final for row in rows):
        raise Conflict(
            "A queued or running job uses this scan.",
            expected="A scan whose jobs have all finished.",
            hint="Cancel the job or wait until it has finished, then delete the scan.",
        )
    return rows


def delete_jobs(connection: Connection, rows: Sequence[Row]) -> set[str | None]:
    """Deletes jobs, of which these are the locked rows, with their reviews and deliveries, and
    batches of which no job is left; returns the blobs that they referred to.

    Triggers delete their drafts, second readings and rows of the worklist.
    """
    ids = [row["id"] for row in rows]
    obsolete = delete(reviews).where(reviews.c.job.in_(ids)).returning(reviews.c.mask_sha256)
    blobs = set(connection.execute(obsolete).scalars())
    for table in (deliveries, job_scans):
        connection.execute(delete(table).where(table.c.job.in_(ids)))
    batch_ids = {row["batch"] for row in rows if row["batch"]}
    # Locked, or two transactions that delete the last jobs of a batch would both see the other's.
    lock = select(batches.c.id).where(batches.c.id.in_(batch_ids)).order_by(batches.c.seq)
    connection.execute(lock.with_for_update())
    connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
    used = select(jobs.c.batch).where(jobs.c.batch.in_(batch_ids))
    empty = batch_ids.difference(connection.execute(used).scalars())
    connection.execute(delete(batches).where(batches.c.id.in_(empty)))
    return blobs | {row[name] for row in rows for name in ("mask_sha256", "preview_sha256")}
