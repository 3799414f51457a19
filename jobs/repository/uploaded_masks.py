"""Jobs that no worker runs: masks that were uploaded with their scan, stored as they came."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from jobs.job import Job
from jobs.repository.database import Database
from jobs.repository.job_rows import insert_jobs, read_jobs
from jobs.repository.quotas import check_storage
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.worklist_tables import worklist


class UploadedMasks:
    """Adds jobs that have succeeded already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, job: Job, key: str, report: Mapping[str, Any], mask_bytes: int = 0
    ) -> tuple[Job, bool]:
        """Stores the job with its mask and report; returns it and True.

        The same mask of the same scan, under the same key, returns the earlier job and False, also
        if an earlier version with other options stored it. `key`: with a space, which no caller's
        Idempotency-Key has. Raises NotFound for a scan of another project, or one that was deleted
        meanwhile, StorageLimitReached if the project may not store more.
        """
        result = {
            name: getattr(job, name)
            for name in (
                *("started_at", "finished_at", "mask_sha256", "mask_format", "preview_sha256"),
                *("uploaded_name", "uploaded_by"),
            )
        }
        result |= {"report": dict(report)}
        result |= {"mask_bytes": mask_bytes}

        def transaction(connection: Connection) -> tuple[Job, bool]:
            same = (jobs.c.project == job.project) & (jobs.c.idempotency_key == key)
            earlier = connection.execute(select(jobs).where(same)).mappings().one_or_none()
            if earlier is not None:
                return read_jobs(connection, [earlier])[0], False
            check_storage(self._database, connection, job.project, mask_bytes)
            insert_jobs(connection, [job], key)
            mine = jobs.c.id == job.id
            connection.execute(update(jobs).where(mine).values(result))
            # Triggers count the warnings and doubts of a job whose state changes.
            row = worklist.c.seq == select(jobs.c.seq).where(mine).scalar_subquery()
            counts = {name: len(report.get(name, ())) for name in ("warnings", "doubts")}
            connection.execute(update(worklist).where(row).values(counts))
            return job, True

        return self._database.repeat_after_race(transaction)
