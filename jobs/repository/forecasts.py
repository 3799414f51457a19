"""Forecasts: positions in the queue and estimated completion times, from measured speeds."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    RowMapping,
    select,
)

from jobs.announced_worker import AnnouncedWorker
from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.model_rates import Rates, model_rates
from jobs.repository.queue_line import WaitingJob, waiting_jobs
from jobs.repository.schema.job_tables import jobs, running
from jobs.repository.workers import running_workers

_START_S = 10.0
"""How long a worker may take to start: only older jobs are reported as jobs without a worker."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a job is expected to run and to be done."""

    place: int | None = None
    """Position in its queue, 1 is next; higher priorities come first, and projects take turns (see
    `turns`). None for a job that is not queued."""
    eta: float | None = None
    """Expected completion in epoch seconds; None if nothing was measured, no worker serves the
    job's queue or can work now, or the job is over."""
    no_worker: bool = False
    """The job waits, and no running worker takes jobs from its queue."""
    waiting_for: str | None = None
    """The unavailable part that all workers of the job's queue wait for."""


@dataclass(frozen=True, slots=True)
class _Capacity:
    """The workers of one queue."""

    workers: int
    running_s: float
    """What their running jobs still need, added up."""
    waiting_for: str | None = None
    """The unavailable part that one of them waits for, if all of them wait."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What all forecasts of one moment have in common."""

    now: float
    """By the clock of the database."""
    read_at: float
    """By this process's own clock."""
    held: Sequence[RowMapping]
    """Running jobs."""
    rates: Rates
    workers: Sequence[AnnouncedWorker]


class Forecasts:
    """Estimates for jobs of all projects."""

    def __init__(self, database: Database, shared_s: float = 0.0) -> None:
        """`shared_s`: how long forecasts are made from the same running jobs, speeds and workers,
        which are read again before that for a running job that is not among them."""
        self._database = database
        self._shared_s = shared_s
        self._work: _Work | None = None

    def of(self, wanted: Sequence[Job]) -> dict[str, Forecast]:
        """Job id -> forecast, in time that does not depend on how many jobs wait.

        The work ahead of a job in its queue (voxels times each model's measured seconds per voxel)
        is divided by the number of workers that serve the queue; the job's own time is added. A
        model that never ran is assumed to be as fast as the job's own.
        """
        if all(job.state.final for job in wanted):
            return {job.id: Forecast() for job in wanted}
        ids = [job.id for job in wanted if job.state is JobState.QUEUED]
        begun = {job.id for job in wanted if job.state is JobState.RUNNING}
        with self._database.read() as connection:
            work = self._present_work(connection, begun)
            waiting = waiting_jobs(connection, ids, work.rates) if ids else []
        now = work.now + time.monotonic() - work.read_at
        remaining = _remaining(work, now)
        forecasts = {name: Forecast(None, now + s) for name, s in remaining.items()}
        capacities = _capacities(work, {job.queue for job in waiting}, remaining, now)
        forecasts |= {
            job.id: _forecast(job, work.rates, capacities[job.queue], now) for job in waiting
        }
        return {job.id: forecasts.get(job.id, Forecast()) for job in wanted}

    def _present_work(self, connection: Connection, begun: set[str]) -> _Work:
        work = self._work
        recent = work is not None and time.monotonic() - work.read_at < self._shared_s
        if work is not None and recent and begun <= {row["id"] for row in work.held}:
            return work
        now, read_at = self._database.clock(connection), time.monotonic()
        held, rates = _running(connection), model_rates(connection)
        self._work = _Work(now, read_at, held, rates, running_workers(connection, now))
        return self._work


def _running(connection: Connection) -> Sequence[RowMapping]:
    names = ("id", "model", "voxels", "started_at", "tiles_done", "tiles_total")
    columns = (*(jobs.c[name] for name in names), jobs.c.worker, jobs.c.lease_until)
    query = select(*columns).where(running)
    return connection.execute(query).mappings().all()


def _remaining(work: _Work, now: float) -> dict[str, float]:
    """Running job id -> seconds that it still needs.

    Taken from its own progress once a tile is done, before that from its model's speed.
    """
    remaining: dict[str, float] = {}
    for row in work.held:
        elapsed = max(0.0, now - row["started_at"])
        if row["tiles_done"]:
            remaining[row["id"]] = elapsed * (row["tiles_total"] / row["tiles_done"] - 1)
        elif row["model"] in work.rates:
            remaining[row["id"]] = max(0.0, row["voxels"] * work.rates[row["model"]] - elapsed)
    return remaining


def _capacities(
    work: _Work, queues: Collection[str], remaining: Mapping[str, float], now: float
) -> dict[str, _Capacity]:
    """Queue -> its workers.

    The holder of a lease that has not announced itself belongs to an earlier version. Nobody knows
    its queues, so that it counts for all of them.
    """
    holders = {row["worker"] for row in work.held if row["lease_until"] >= now}
    unannounced = holders - {worker.name for worker in work.workers}
    capacities = {}
    for queue in queues:
        serving = [worker for worker in work.workers if worker.serves(queue)]
        names = unannounced | {worker.name for worker in serving}
        parts = [] if unannounced else [worker.waiting_for for worker in serving]
        own = [row["id"] for row in work.held if row["worker"] in names]
        running_s = sum(remaining.get(name, 0.0) for name in own)
        capacities[queue] = _Capacity(
            len(names), running_s, next(iter(parts), None) if all(parts) else None
        )
    return capacities


def _forecast(job: WaitingJob, rates: Rates, capacity: _Capacity, now: float) -> Forecast:
    if not capacity.workers and now - job.created_at > _START_S:
        return Forecast(job.place, no_worker=True)
    if capacity.waiting_for:
        return Forecast(job.place, waiting_for=capacity.waiting_for)
    rate = rates.get(job.model)
    if rate is None:
        return Forecast(job.place)
    ahead_s = job.seconds + job.unmeasured * rate
    wait_s = (capacity.running_s + ahead_s) / max(1, capacity.workers)
    return Forecast(job.place, now + wait_s + job.voxels * rate)
