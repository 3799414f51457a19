"""Leases: how workers claim jobs, keep them and end them. Each step is one compare-and-set."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, null, or_, select, update

from jobs.job import Job, JobEvent, JobState, Progress
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema import brief, in_order, jobs, queued
from jobs.repository.steps import (
    ATTEMPT_COUNTED,
    ATTEMPT_UNCOUNTED,
    ENDED,
    NOT_STARTED,
    UNHELD,
    changed,
    held,
    release_step,
    step,
)

_SENT = jobs.c.sent_at.is_not(None)
"""The job has a message."""


class Held(NamedTuple):
    """A job as its holder knows it."""

    job_id: str
    fence: int


class Leases:
    """The worker's side of a job's life.

    A holder identifies itself by the job's `fence`, which every claim increments. Steps of an
    earlier holder are refused, even after a retry or a release reset `attempt`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """queued -> running for exactly one caller; None for all others."""
        return next(iter(self.claim_all([job_id], worker, lease_s)), None)

    def claim_all(self, job_ids: Sequence[str], worker: str, lease_s: float) -> list[Job]:
        """The same for several jobs, in this order; those that others claim are left out."""
        free = select(jobs.c.id).where(jobs.c.id.in_(job_ids), queued)
        free = free.with_for_update(skip_locked=True)
        with self._database.write() as connection:
            claimed = self._claim(connection, jobs.c.id.in_(free), worker, lease_s)
        return sorted(claimed, key=lambda job: job_ids.index(job.id))

    def claim_next(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """Claims the first job in the queue of `job_id`, whose message the worker received.

        A broker gives the first message to a worker that waits for one, even if that worker was
        paused while more urgent messages arrived. So a message means "one more job", and each job
        has one. A job whose message is not sent yet is claimed only if no other waits: the message
        is owed to one of those that were sent. A job that was requeued with an error waits one
        lease before the message of another job may claim it.
        """
        queue = select(jobs.c.queue).where(jobs.c.id == job_id).scalar_subquery()
        due = or_(jobs.c.id == job_id, self._rested(lease_s))
        query = select(jobs.c.id).where(queued, jobs.c.queue == queue, _SENT, due)
        query = query.order_by(*in_order).limit(1)
        query = query.with_for_update(skip_locked=True)
        with self._database.write() as connection:
            first = connection.execute(query).scalar_one_or_none()
            claimed = self._claim(connection, jobs.c.id == (first or job_id), worker, lease_s)
            return claimed[0] if claimed else None

    def next_like(self, job: Job, lease_s: float, most: int) -> list[Job]:
        """The next jobs of the same queue that use the same network with the same options.

        They are not claimed yet. The list ends at the first job of another kind, so that no later
        job overtakes it.
        """
        waits = and_(queued, jobs.c.queue == job.queue, _SENT, self._rested(lease_s))
        query = select(*brief).where(waits).order_by(*in_order)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(most)).mappings()
            following = read_jobs(connection, rows)
        return list(takewhile(lambda other: _kind(other) == _kind(job), following))

    def begin(self, job_id: str, fence: int) -> bool:
        """The job's own work begins: counts the attempt, and the job's duration starts at 0 again.

        False if the caller lost the job.
        """
        with self._database.write() as connection:
            query = step(JobEvent.BEGIN, held(job_id, fence))
            query = query.values(
                attempt=ATTEMPT_COUNTED, counted=True, started_at=self._database.now
            )
            return connection.execute(query).rowcount == 1

    def uncount(self, those: Collection[Held]) -> None:
        """The worker shuts down while the jobs run: whatever happens, this is no attempt."""
        query = update(jobs).where(held(bindparam("held_id"), bindparam("held_fence")))
        query = query.values(attempt=ATTEMPT_UNCOUNTED, counted=False)
        with self._database.write() as connection:
            connection.execute(query, [_parameters(one) for one in those])

    def renew(self, progress: Mapping[Held, Progress], lease_s: float) -> None:
        """Extends the leases of these jobs and stores their progress.

        An expired lease that nobody has taken back yet can still be renewed. A job that the caller
        has lost stays as it is.
        """
        query = update(jobs).where(held(bindparam("held_id"), bindparam("held_fence")))
        query = query.values(lease_until=self._database.now + lease_s)
        rows = [_parameters(one) | asdict(its) for one, its in progress.items()]
        with self._database.write() as connection:
            connection.execute(query, rows)

    def still_held(self, those: Collection[Held]) -> set[Held]:
        """Those of the jobs that the caller has not lost."""
        query = select(jobs.c.id, jobs.c.fence).where(
            jobs.c.id.in_([one.job_id for one in those]), jobs.c.state == JobState.RUNNING
        )
        with self._database.read() as connection:
            return {Held(*row) for row in connection.execute(query)} & set(those)

    def finish(
        self,
        job_id: str,
        fence: int,
        *,
        mask_sha256: str,
        mask_format: str,
        preview_sha256: str | None,
        report: Mapping[str, Any],
        tiles: int | None = None,
    ) -> bool:
        """running -> succeeded with the mask; False if the caller lost the job.

        `tiles`: how many tiles the job had; None: as it was last reported.
        """
        total = jobs.c.tiles_total if tiles is None else tiles
        return self._end(
            job_id,
            fence,
            JobEvent.FINISH,
            tiles_done=total,
            tiles_total=total,
            mask_sha256=mask_sha256,
            mask_format=mask_format,
            preview_sha256=preview_sha256,
            report=dict(report),
        )

    def fail(self, job_id: str, fence: int, error: Mapping[str, Any]) -> bool:
        """running -> failed, for an error that another attempt would meet again."""
        return self._end(job_id, fence, JobEvent.FAIL, error=dict(error))

    def release(self, job_id: str, fence: int, waiting_for: str | None = None) -> bool:
        """running -> queued without counting the attempt.

        `waiting_for`: the part of the installation that is unavailable; None: the worker shuts
        down.
        """
        with self._database.write() as connection:
            query = release_step(held(job_id, fence), waiting_for)
            return connection.execute(query).rowcount == 1

    def requeue(self, job_id: str, fence: int, error: Mapping[str, Any], attempts: int) -> bool:
        """running -> queued after a passing error; running -> failed at the last attempt.

        The job's message is sent again one lease later. Both keep the error.
        """
        with self._database.write() as connection:
            again = step(JobEvent.REQUEUE, and_(held(job_id, fence), attempts > ATTEMPT_COUNTED))
            values = {"attempt": ATTEMPT_COUNTED, "error": dict(error), **UNHELD, **NOT_STARTED}
            again = again.values(sent_at=self._database.now, **values)
            last = step(JobEvent.GIVE_UP, held(job_id, fence)).values(
                finished_at=self._database.now, attempt=ATTEMPT_COUNTED, error=dict(error), **ENDED
            )
            return any(connection.execute(query).rowcount == 1 for query in (again, last))

    def _rested(self, lease_s: float) -> ColumnElement[bool]:
        """The job was not requeued with an error within the last lease."""
        return or_(jobs.c.error.is_(null()), jobs.c.sent_at < self._database.now - lease_s)

    def _claim(
        self, connection: Connection, which: ColumnElement[bool], worker: str, lease_s: float
    ) -> list[Job]:
        query = step(JobEvent.CLAIM, which).values(
            worker=worker,
            lease_until=self._database.now + lease_s,
            started_at=self._database.now,
            fence=jobs.c.fence + 1,
            tiles_done=0,
            tiles_total=0,
            preparing=False,
            counted=False,
            waiting_for=None,
            error=None,
        )
        return changed(connection, query)

    def _end(self, job_id: str, fence: int, event: JobEvent, **values: Any) -> bool:
        with self._database.write() as connection:
            query = step(event, held(job_id, fence))
            values |= {"attempt": ATTEMPT_COUNTED, "finished_at": self._database.now, **ENDED}
            return connection.execute(query.values(**values)).rowcount == 1


def _parameters(one: Held) -> dict[str, Any]:
    """For `held`, with names that are no columns."""
    return {"held_id": one.job_id, "held_fence": one.fence}


def _kind(job: Job) -> tuple[object, ...]:
    """Equal for jobs that can run in one group."""
    return job.model_sha256, job.options
