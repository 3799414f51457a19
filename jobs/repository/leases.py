"""Leases of jobs: how workers claim them and store their masks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from sqlalchemy import and_, or_, select

from jobs.job import Job, JobEvent, Progress
from jobs.repository.job_rows import read_jobs
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.schema import brief, in_order, jobs, queued
from jobs.repository.work_leases import WorkLeases

_SENT = jobs.c.sent_at.is_not(None)
"""The job has a message."""


class Leases(WorkLeases[Job, Progress]):
    """The worker's side of a job's life."""

    _steps = JOB_STEPS

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

    def _columns_of(self, progress: Progress) -> dict[str, Any]:
        return asdict(progress)


def _kind(job: Job) -> tuple[object, ...]:
    """Equal for jobs that can run in one group."""
    return job.model_sha256, job.options
