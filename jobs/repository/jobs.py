"""Jobs: stored once per idempotency key, read, cancelled and retried."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Update, and_, select, true

from imaging.errors import Conflict
from jobs.delivery import Delivery
from jobs.job import Job, JobEvent, JobState, after
from jobs.repository.database import Database
from jobs.repository.deliveries import insert_deliveries, reset_deliveries
from jobs.repository.idempotency import earlier_row, job_digest
from jobs.repository.job_rows import chunks, insert_jobs, no_job, read_jobs
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.quotas import check_order
from jobs.repository.rows import Row
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import brief, job_scans, jobs
from jobs.repository.schema.worklist_tables import worklist
from jobs.repository.steps import UNHELD

_REVISION = ("state", "attempt", "fence", "tiles_done", "tiles_total", "preparing", "verdict")
"""Columns of which one changes with every change that users see,"""
_LISTED = tuple(
    worklist.c[name]
    for name in ("reviewer", "assignee", "review", "unusual", "reading", "readings_given")
)
"""together with these of the worklist."""


class Jobs:
    """The jobs of all projects, as users see them; `Leases` has the worker's side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, job: Job, idempotency_key: str | None = None, deliver: Sequence[Delivery] = ()
    ) -> tuple[Job, bool]:
        """Stores the job and its deliveries in one transaction; returns the job and True.

        The same request under the same key returns the earlier job and False. Raises Conflict for
        the same key with a different request, NotFound for a scan of another project, and what
        `check_order` raises.
        """

        def transaction(connection: Connection) -> tuple[Job, bool]:
            request = job_digest(job)
            earlier = earlier_row(connection, jobs, job.project, idempotency_key, request)
            if earlier is not None:
                return read_jobs(connection, [earlier])[0], False
            check_order(self._database, connection, job.project, 1)
            insert_jobs(connection, [job], idempotency_key)
            insert_deliveries(connection, deliver)
            return job, True

        return self._database.repeat_after_race(transaction)

    def get(self, project: str, job_id: str) -> Job:
        """The project's job; raises NotFound, after as much work for a job of another project."""
        for job in self.many([job_id], project):
            return job
        raise no_job()

    def by_id(self, job_id: str) -> Job:
        """The job of any project, for workers and deliveries; raises NotFound."""
        for job in self.many([job_id]):
            return job
        raise no_job()

    def many(self, job_ids: Collection[str], project: str | None = None) -> list[Job]:
        """Those of these jobs that exist in the project; None: in any."""
        in_project = true() if project is None else jobs.c.project == project
        with self._database.read() as connection:
            rows: list[Row] = []
            for ids in chunks(list(job_ids)):
                query = select(*brief).where(jobs.c.id.in_(ids), in_project)
                rows += connection.execute(query).mappings()
            return read_jobs(connection, rows)

    def revisions(self, job_ids: Collection[str]) -> dict[str, object]:
        """Job id -> what changes whenever the job does, for those of these jobs that exist."""
        columns = (jobs.c.id, *(jobs.c[name] for name in _REVISION), *_LISTED)
        query = select(*columns).outerjoin(worklist, worklist.c.seq == jobs.c.seq)
        with self._database.read() as connection:
            return {
                row.id: tuple(row)
                for ids in chunks(list(job_ids))
                for row in connection.execute(query.where(jobs.c.id.in_(ids)))
            }

    def report(self, project: str, job_id: str) -> dict[str, Any]:
        """The report of the project's job, empty until it has succeeded; raises NotFound."""
        with self._database.read() as connection:
            query = select(jobs.c.report).where(jobs.c.id == job_id, jobs.c.project == project)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_job()
        return row.report or {}

    def succeeded_on(self, project: str, scan_id: str) -> list[Job]:
        """The project's succeeded jobs whose mask is on this scan's grid, newest first."""
        on_grid = select(job_scans.c.job).where(
            job_scans.c.scan == scan_id, job_scans.c.position == 0
        )
        query = select(*brief).where(
            jobs.c.project == project, jobs.c.state == JobState.SUCCEEDED, jobs.c.id.in_(on_grid)
        )
        query = query.order_by(jobs.c.finished_at.desc(), jobs.c.seq.desc())
        with self._database.read() as connection:
            return read_jobs(connection, connection.execute(query).mappings())

    def mask_formats(self, scan_ids: Collection[str]) -> dict[str, str]:
        """Scan id -> the format of the newest mask that a job made on the scan's grid."""
        query = select(job_scans.c.scan, jobs.c.mask_format).join(
            jobs, jobs.c.id == job_scans.c.job
        )
        query = query.where(
            job_scans.c.scan.in_(scan_ids),
            job_scans.c.position == 0,
            jobs.c.state == JobState.SUCCEEDED,
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(jobs.c.finished_at, jobs.c.seq))
            return {row.scan: row.mask_format for row in rows}

    def cancel(self, project: str, job_id: str) -> Job:
        """queued or running -> cancelled, at once.

        Raises NotFound, or Conflict if the job has already finished.
        """
        with self._database.write() as connection:
            mine = and_(jobs.c.id == job_id, jobs.c.project == project)
            query = JOB_STEPS.step(JobEvent.CANCEL, mine)
            query = query.values(finished_at=self._database.now, **JOB_STEPS.ended)
            return _step_or_raise(connection, project, job_id, JobEvent.CANCEL, query)

    def retry(self, project: str, job_id: str) -> Job:
        """failed or cancelled -> queued, with all its attempts and its failed deliveries.

        Raises NotFound, Conflict in any other state, and what `check_order` raises.
        """
        with self._database.write() as connection:
            check_order(self._database, connection, project, 1)
            mine = and_(jobs.c.id == job_id, jobs.c.project == project)
            values = {**UNHELD, **JOB_STEPS.not_started, "attempt": 0, "sent_at": None}
            query = JOB_STEPS.step(JobEvent.RETRY, mine).values(
                finished_at=None, error=None, **values
            )
            job = _step_or_raise(connection, project, job_id, JobEvent.RETRY, query)
            reset_deliveries(connection, deliveries.c.job == job_id, self._database.now)
            return job


def _step_or_raise(
    connection: Connection, project: str, job_id: str, event: JobEvent, query: Update
) -> Job:
    """Executes a step that a user requested; raises the error that explains a refusal."""
    if jobs_changed := JOB_STEPS.changed(connection, query):
        return jobs_changed[0]
    current = select(jobs.c.state).where(jobs.c.id == job_id, jobs.c.project == project)
    state = connection.execute(current).scalar_one_or_none()
    if state is None:
        raise no_job()
    after(JobState(state), event)
    raise Conflict(
        "The job's state changed during this request.",
        hint="Read the job's state, then send the request again.",
    )
