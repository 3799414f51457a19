"""Leases of jobs: how workers claim them and store their masks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    ScalarSelect,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from jobs.job import Job, JobEvent, Progress
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.job_steps import JOB_STEPS
from jobs.repository.schema.job_tables import brief, in_order, jobs, queued
from jobs.repository.turns import Front, front, in_turn, read_front, read_turns, turns
from jobs.repository.work_leases import WorkLeases

_SENT = jobs.c.sent_at.is_not(None)
"""The job has a message."""


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements of `Leases.claim_next`: they take longer to build than to execute. Their
    parameters are `of_job`, `holder` and `lease_s`; of some also `of_queue`, `of_priority` and
    `of_project`."""

    front: "Select[Any]"
    alone: Update
    """Claims the first job of the queue, unless projects share its front."""
    any: Update
    """Claims the first job of the queue."""
    turns: "Select[Any]"
    of_project: Update
    """Claims the oldest job of a project in a priority of the queue."""


class Leases(WorkLeases[Job, Progress]):
    """The worker's side of a job's life."""

    _steps = JOB_STEPS

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._statements = self._built()
        self._shared = False
        """Whether projects shared the front of a queue at the last claim: what is tried first."""

    def _built(self) -> _Statements:
        job, lease_s = bindparam("of_job", type_=Text), bindparam("lease_s", type_=Double)
        queue = select(jobs.c.queue).where(jobs.c.id == job).scalar_subquery()
        ready = and_(_SENT, or_(jobs.c.id == job, self._rested(lease_s)))
        ahead = front(queue, ready)
        first = func.coalesce(_first(jobs.c.queue == queue, ready), job)
        shared = ahead.with_only_columns(ahead.selected_columns.shared).scalar_subquery()
        own = and_(*(jobs.c[n] == bindparam(f"of_{n}") for n in ("queue", "priority", "project")))

        def claim(chosen: ColumnElement[Any]) -> Update:
            holder = bindparam("holder", type_=Text)
            return self._claim_step(jobs.c.id == chosen, holder, lease_s)

        return _Statements(
            front=ahead,
            alone=claim(case((shared, None), else_=first)),
            any=claim(first),
            turns=turns(ready),
            of_project=claim(_first(own, ready)),
        )

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
        statements = self._statements
        given = {"of_job": job_id, "holder": worker, "lease_s": lease_s}
        with self._database.write() as connection:
            if not self._shared:
                claimed = self._steps.changed(connection, statements.alone, given)
                if claimed:
                    return claimed[0]
            ahead = read_front(connection, statements.front, given)
            self._shared = ahead is not None and ahead.shared
            claimed = []
            if ahead is not None and ahead.shared:
                claimed = self._claimed_in_turn(connection, ahead, given)
            claimed = claimed or self._steps.changed(connection, statements.any, given)
            return next(iter(claimed), None)

    def _claimed_in_turn(
        self, connection: Connection, ahead: Front, given: Mapping[str, Any]
    ) -> list[Job]:
        """Claims the oldest job of the project whose turn it is; empty if others changed them all.

        Claims of a queue that projects share wait for each other: each has to know the last one.
        """
        self._database.lock(connection, f"turns {ahead.queue}")
        statements, queue, priority = self._statements, ahead.queue, ahead.priority
        for turn in read_turns(connection, statements.turns, queue, priority, given):
            own = {"of_queue": queue, "of_priority": priority, "of_project": turn.project}
            claimed = self._steps.changed(connection, statements.of_project, {**given, **own})
            if claimed:
                return claimed
        return []

    def next_like(self, job: Job, lease_s: float, most: int) -> list[Job]:
        """The next jobs of the same queue that use the same network with the same options.

        They are not claimed yet. The list ends at the first job of another kind, so that no later
        job overtakes it; and with the jobs of a priority that projects share.
        """
        ready = and_(_SENT, self._rested(lease_s))
        waits = and_(queued, jobs.c.queue == job.queue, ready)
        query = select(*brief).where(waits).order_by(*in_order).limit(most)
        with self._database.read() as connection:
            ahead = read_front(connection, front(literal(job.queue), ready), {})
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


def _first(*which: ColumnElement[bool]) -> ScalarSelect[str]:
    """The id of the first of these jobs that no other transaction has locked."""
    query = select(jobs.c.id).where(queued, *which).order_by(*in_order).limit(1)
    return query.with_for_update(skip_locked=True).scalar_subquery()


def _next_in_turn(
    connection: Connection, ahead: Front, ready: ColumnElement[bool], most: int
) -> list[Job]:
    """The next jobs of a priority that projects share; not those of lower priorities."""
    waits = and_(queued, jobs.c.queue == ahead.queue, jobs.c.priority == ahead.priority, ready)
    oldest = select(jobs.c.seq).where(waits).order_by(jobs.c.seq).limit(most)
    known = read_turns(connection, turns(ready), ahead.queue, ahead.priority)
    following = [
        (turn, list(connection.execute(oldest.where(jobs.c.project == turn.project)).scalars()))
        for turn in known[:most]
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
