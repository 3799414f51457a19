"""Leases of jobs: how workers claim them and store their masks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
)

from jobs.job import Job, JobEvent, Progress
from jobs.repository.job_rows import read_jobs
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.schema import brief, in_order, jobs, queued
from jobs.repository.turns import Front, front, in_turn, turns
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
        """Claims the next job in the queue of `job_id`, whose message the worker received; see
        `turns` for the order.

        A broker gives the first message to a worker that waits for one, even if that worker was
        paused while more urgent messages arrived. So a message means "one more job", and each job
        has one. A job whose message is not sent yet is claimed only if no other waits: the message
        is owed to one of those that were sent. A job that was requeued with an error waits one
        lease before the message of another job may claim it.
        """
        queue = select(jobs.c.queue).where(jobs.c.id == job_id).scalar_subquery()
        ready = and_(_SENT, or_(jobs.c.id == job_id, self._rested(lease_s)))
        with self._database.write() as connection:
            ahead = front(connection, queue, ready)
            if ahead is not None and ahead.shared:
                claimed = self._claim_in_turn(connection, ahead, ready, worker, lease_s)
                if claimed is not None:
                    return claimed
            first = _first(ready, queue)
            which = jobs.c.id == func.coalesce(first.scalar_subquery(), job_id)
            return next(iter(self._claim(connection, which, worker, lease_s)), None)

    def _claim_in_turn(
        self,
        connection: Connection,
        ahead: Front,
        ready: ColumnElement[bool],
        worker: str,
        lease_s: float,
    ) -> Job | None:
        """Claims the oldest job of the project whose turn it is; None if others changed them all.

        Claims of a queue that projects share wait for each other: each has to know the last one.
        """
        self._database.lock(connection, f"turns {ahead.queue}")
        for turn in turns(connection, ahead.queue, ahead.priority, ready):
            own = and_(jobs.c.project == turn.project, jobs.c.priority == ahead.priority)
            first = _first(and_(ready, own), ahead.queue).scalar_subquery()
            claimed = self._claim(connection, jobs.c.id == first, worker, lease_s)
            if claimed:
                return claimed[0]
        return None

    def next_like(self, job: Job, lease_s: float, most: int) -> list[Job]:
        """The next jobs of the same queue that use the same network with the same options.

        They are not claimed yet. The list ends at the first job of another kind, so that no later
        job overtakes it; and with the jobs of a priority that projects share.
        """
        ready = and_(_SENT, self._rested(lease_s))
        waits = and_(queued, jobs.c.queue == job.queue, ready)
        query = select(*brief).where(waits).order_by(*in_order).limit(most)
        with self._database.read() as connection:
            ahead = front(connection, literal(job.queue), ready)
            if ahead is not None and ahead.shared:
                return _alike(job, _next_in_turn(connection, ahead, ready, most))
            return _alike(job, read_jobs(connection, connection.execute(query).mappings()))

    def finish(
        self,
        job_id: str,
        fence: int,
        *,
        mask_sha256: str,
        mask_format: str,
        preview_sha256: str | None,
        report: Mapping[str, Any],
        mask_bytes: int = 0,
        tiles: int | None = None,
    ) -> bool:
        """running -> succeeded with the mask; False if the caller lost the job.

        `mask_bytes`: size of the mask's blob, which counts as stored by the project even above its
        limit: the order was accepted. `tiles`: how many tiles the job had; None: as it was last
        reported.
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
            mask_bytes=mask_bytes,
            preview_sha256=preview_sha256,
            report=dict(report),
        )

    def _columns_of(self, progress: Progress) -> dict[str, Any]:
        return asdict(progress)


def _first(ready: ColumnElement[bool], queue: ColumnElement[str] | str) -> Select[tuple[str]]:
    """The id of the first job of a queue that no other transaction has locked."""
    query = select(jobs.c.id).where(queued, jobs.c.queue == queue, ready)
    return query.order_by(*in_order).limit(1).with_for_update(skip_locked=True)


def _next_in_turn(
    connection: Connection, ahead: Front, ready: ColumnElement[bool], most: int
) -> list[Job]:
    """The next jobs of a priority that projects share; not those of lower priorities."""
    waits = and_(queued, jobs.c.queue == ahead.queue, jobs.c.priority == ahead.priority, ready)
    oldest = select(jobs.c.seq).where(waits).order_by(jobs.c.seq).limit(most)
    following = [
        (turn, list(connection.execute(oldest.where(jobs.c.project == turn.project)).scalars()))
        for turn in turns(connection, ahead.queue, ahead.priority, ready)[:most]
    ]
    numbers = in_turn(following, most)
    rows = connection.execute(select(*brief).where(jobs.c.seq.in_(numbers))).mappings()
    by_number = {row["seq"]: row for row in rows}
    return read_jobs(connection, [by_number[n] for n in numbers if n in by_number])


def _alike(job: Job, following: Sequence[Job]) -> list[Job]:
    """The jobs up to the first one of another kind."""
    return list(takewhile(lambda other: _kind(other) == _kind(job), following))


def _kind(job: Job) -> tuple[object, ...]:
    """Equal for jobs that can run in one group."""
    return job.model_sha256, job.options
