"""Leases: how workers claim jobs, keep them and end them. Each step is one compare-and-set."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, null, or_, select, update

from jobs.job import Job, JobEvent, JobState, Progress
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema import brief, jobs
from jobs.repository.steps import ENDED, NOT_STARTED, UNHELD, apply_step, held, step

WORKER_LOST: Mapping[str, Any] = {
    "type": "urn:tessera:worker-lost",
    "title": "Worker lost",
    "status": 500,
    "detail": "The worker stopped responding at every attempt.",
    "expected": "A worker that renews its lease until the mask is stored.",
    "hint": "Check whether workers run out of memory or are killed, then retry the job.",
}
"""Error of a job whose workers all stopped without reporting a reason."""


class Leases:
    """The worker's side of a job's life.

    A holder identifies itself by the job's `fence`, which every claim increments. Steps of an
    earlier holder are refused, even after a retry or a release reset `attempt`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """queued -> running for exactly one caller; None for all others."""
        with self._database.write() as connection:
            return self._claim(connection, jobs.c.id == job_id, worker, lease_s)

    def claim_next(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """Claims the first job in the queue of `job_id`, whose message the worker received.

        A broker gives the first message to a worker that waits for one, even if that worker was
        paused while more urgent messages arrived. So a message means "one more job", and each job
        has one. A job that was requeued with an error waits one lease before the message of
        another job may claim it.
        """
        queue = select(jobs.c.queue).where(jobs.c.id == job_id).scalar_subquery()
        due = or_(jobs.c.id == job_id, self._due(lease_s))
        query = select(jobs.c.id).where(jobs.c.state == JobState.QUEUED, jobs.c.queue == queue, due)
        query = query.order_by(jobs.c.priority.desc(), jobs.c.seq).limit(1)
        query = query.with_for_update(skip_locked=True)
        with self._database.write() as connection:
            first = connection.execute(query).scalar_one_or_none()
            return self._claim(connection, jobs.c.id == (first or job_id), worker, lease_s)

    def next_like(self, job: Job, lease_s: float, most: int) -> list[Job]:
        """The next jobs of the same queue that use the same network with the same options.

        They are not claimed yet. The list ends at the first job of another kind, so that no later
        job overtakes it.
        """
        waits = and_(jobs.c.state == JobState.QUEUED, jobs.c.queue == job.queue, self._due(lease_s))
        query = select(*brief).where(waits).order_by(jobs.c.priority.desc(), jobs.c.seq)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(most)).mappings()
            queued = read_jobs(connection, rows)
        return list(takewhile(lambda other: _kind(other) == _kind(job), queued))

    def renew(self, job_id: str, fence: int, lease_s: float, progress: Progress) -> bool:
        """Extends the lease and stores the progress; False if the caller lost the job.

        An expired lease that nobody has taken back yet can still be renewed.
        """
        with self._database.write() as connection:
            query = update(jobs).where(held(job_id, fence))
            query = query.values(
                lease_until=self._database.now + lease_s,
                tiles_done=progress.tiles_done,
                tiles_total=progress.tiles_total,
                preparing=progress.preparing,
            )
            return connection.execute(query).rowcount == 1

    def holds(self, job_id: str, fence: int) -> bool:
        """Whether the caller still holds the job."""
        with self._database.read() as connection:
            query = select(jobs.c.seq).where(held(job_id, fence))
            return connection.execute(query).one_or_none() is not None

    def finish(
        self,
        job_id: str,
        fence: int,
        *,
        mask_sha256: str,
        mask_format: str,
        preview_sha256: str | None,
        report: Mapping[str, Any],
    ) -> bool:
        """running -> succeeded with the mask; False if the caller lost the job."""
        return self._end(
            job_id,
            fence,
            JobEvent.FINISH,
            tiles_done=jobs.c.tiles_total,
            mask_sha256=mask_sha256,
            mask_format=mask_format,
            preview_sha256=preview_sha256,
            report=dict(report),
        )

    def fail(self, job_id: str, fence: int, error: Mapping[str, Any]) -> bool:
        """running -> failed, for an error that another attempt would meet again."""
        return self._end(job_id, fence, JobEvent.FAIL, error=dict(error))

    def release(self, job_id: str, fence: int) -> bool:
        """running -> queued without counting the attempt: the worker shuts down."""
        with self._database.write() as connection:
            query = step(JobEvent.RELEASE, held(job_id, fence)).values(
                attempt=jobs.c.attempt - 1, sent_at=None, **UNHELD, **NOT_STARTED
            )
            return apply_step(connection, query) is not None

    def requeue(self, job_id: str, fence: int, error: Mapping[str, Any], attempts: int) -> bool:
        """running -> queued after a passing error; running -> failed at the last attempt.

        The job's message is sent again one lease later. Both keep the error.
        """
        with self._database.write() as connection:
            again = step(JobEvent.REQUEUE, and_(held(job_id, fence), jobs.c.attempt < attempts))
            again = again.values(
                sent_at=self._database.now, error=dict(error), **UNHELD, **NOT_STARTED
            )
            last = step(JobEvent.GIVE_UP, held(job_id, fence)).values(
                finished_at=self._database.now, error=dict(error), **ENDED
            )
            return any(apply_step(connection, query) is not None for query in (again, last))

    def take_back(self, attempts: int) -> list[Job]:
        """Takes jobs with an expired lease from their workers; returns the changed jobs.

        They are queued again, or failed after `attempts` attempts.
        """
        with self._database.write() as connection:
            expired = self._expired()
            again = step(JobEvent.REQUEUE, and_(expired, jobs.c.attempt < attempts))
            again = again.values(sent_at=None, **UNHELD, **NOT_STARTED)
            last = step(JobEvent.GIVE_UP, and_(expired, jobs.c.attempt >= attempts))
            last = last.values(finished_at=self._database.now, error=dict(WORKER_LOST), **ENDED)
            rows = [
                row
                for query in (again, last)
                for row in connection.execute(query.returning(*brief)).mappings()
            ]
            return read_jobs(connection, rows)

    def _due(self, lease_s: float) -> ColumnElement[bool]:
        """The job has a message and was not requeued with an error within the last lease."""
        rested = or_(jobs.c.error.is_(null()), jobs.c.sent_at < self._database.now - lease_s)
        return and_(jobs.c.sent_at.is_not(None), rested)

    def _claim(
        self, connection: Connection, which: ColumnElement[bool], worker: str, lease_s: float
    ) -> Job | None:
        query = step(JobEvent.CLAIM, which).values(
            worker=worker,
            lease_until=self._database.now + lease_s,
            started_at=self._database.now,
            attempt=jobs.c.attempt + 1,
            fence=jobs.c.fence + 1,
            tiles_done=0,
            tiles_total=0,
            preparing=False,
            error=None,
        )
        return apply_step(connection, query)

    def _end(self, job_id: str, fence: int, event: JobEvent, **values: Any) -> bool:
        with self._database.write() as connection:
            query = step(event, held(job_id, fence))
            query = query.values(finished_at=self._database.now, **ENDED, **values)
            return apply_step(connection, query) is not None

    def _expired(self) -> ColumnElement[bool]:
        """Running jobs with an expired lease; two sweepers at once lock different rows."""
        silent = and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < self._database.now)
        unlocked = select(jobs.c.id).where(silent).with_for_update(skip_locked=True)
        return and_(silent, jobs.c.id.in_(unlocked))


def _kind(job: Job) -> tuple[object, ...]:
    """Equal for jobs that can run in one group."""
    return job.model_sha256, job.options
