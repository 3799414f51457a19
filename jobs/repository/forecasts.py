"""Forecasts: positions in the queue and estimated completion times, from measured speeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, literal, select

from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.schema import jobs

_RECENT = 20
"""Finished jobs of a model that its speed is measured from."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a job is expected to run and to be done."""

    place: int | None = None
    """Position in the queue, 1 is next; higher priorities and earlier jobs come first. None for a
    job that is not queued."""
    eta: float | None = None
    """Expected completion in epoch seconds; None if nothing was measured or the job is over."""


class Forecasts:
    """Estimates for jobs of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, wanted: Sequence[Job]) -> dict[str, Forecast]:
        """Job id -> forecast, with one look at the queue for all of them.

        The work ahead of a job (voxels times each model's measured seconds per voxel) is divided
        by the number of active workers; the job's own time is added. A model that never ran is
        assumed to be as fast as the job's own.
        """
        forecasts: dict[str, Forecast] = {}
        queued = [job.id for job in wanted if job.state is JobState.QUEUED]
        if not all(job.state.final for job in wanted):
            with self._database.read() as connection:
                now = self._database.clock(connection)
                rates = _rates(connection)
                remaining = _remaining(connection, rates, now)
                running_s, workers = sum(remaining.values()), self._active_workers(connection)
                forecasts = {name: Forecast(None, now + s) for name, s in remaining.items()}
                for row in _queue(connection, queued, rates):
                    forecasts[row["id"]] = _forecast(row, rates, now, running_s, workers)
        return {job.id: forecasts.get(job.id, Forecast()) for job in wanted}

    def _active_workers(self, connection: Connection) -> int:
        """Workers that hold a job with a valid lease, at least 1."""
        held = and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until >= self._database.now)
        query = select(func.count(jobs.c.worker.distinct())).where(held)
        return max(1, connection.execute(query).scalar_one())


def _queue(
    connection: Connection, wanted: Sequence[str], rates: Mapping[str, float]
) -> Sequence[RowMapping]:
    """The position of each wanted job and the work ahead of it.

    `seconds` sums the jobs ahead whose model was measured, `unmeasured` the voxels of the others.
    """
    if not wanted:
        return []
    known = [(jobs.c.model == model, jobs.c.voxels * rate) for model, rate in rates.items()]
    seconds: ColumnElement[Any] = case(*known, else_=0.0) if known else literal(0.0)
    unmeasured = case((jobs.c.model.in_(list(rates)), 0), else_=jobs.c.voxels)
    order = (jobs.c.priority.desc(), jobs.c.seq)

    def ahead(figure: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.sum(figure).over(order_by=order, rows=(None, -1))

    ranked = select(
        jobs.c.id,
        jobs.c.model,
        jobs.c.voxels,
        func.row_number().over(order_by=order).label("place"),
        ahead(seconds).label("seconds"),
        ahead(unmeasured).label("unmeasured"),
    )
    line = ranked.where(jobs.c.state == JobState.QUEUED).subquery()
    return connection.execute(select(line).where(line.c.id.in_(wanted))).mappings().all()


def _rates(connection: Connection) -> dict[str, float]:
    """Model -> seconds per voxel, for each measured model with queued or running jobs."""
    query = select(jobs.c.model).where(jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING)))
    models = connection.execute(query.distinct()).scalars().all()
    rates = {model: _rate(connection, model) for model in models}
    return {model: rate for model, rate in rates.items() if rate is not None}


def _rate(connection: Connection, model: str) -> float | None:
    """Seconds per voxel of the model's latest jobs, None if there are none."""
    done = and_(jobs.c.model == model, jobs.c.state == JobState.SUCCEEDED)
    query = select(jobs.c.finished_at - jobs.c.started_at, jobs.c.voxels).where(done)
    query = query.order_by(jobs.c.finished_at.desc()).limit(_RECENT)
    measured = connection.execute(query).all()
    if not measured:
        return None
    seconds, voxels = (float(sum(column)) for column in zip(*measured, strict=True))
    return seconds / voxels


def _remaining(connection: Connection, rates: Mapping[str, float], now: float) -> dict[str, float]:
    """Running job id -> seconds that it still needs.

    Taken from its own progress once a tile is done, before that from its model's speed.
    """
    columns = ("id", "model", "voxels", "started_at", "tiles_done", "tiles_total")
    query = select(*(jobs.c[name] for name in columns)).where(jobs.c.state == JobState.RUNNING)
    remaining: dict[str, float] = {}
    for row in connection.execute(query).mappings().all():
        elapsed = max(0.0, now - row["started_at"])
        if row["tiles_done"]:
            remaining[row["id"]] = elapsed * (row["tiles_total"] / row["tiles_done"] - 1)
        elif row["model"] in rates:
            remaining[row["id"]] = max(0.0, row["voxels"] * rates[row["model"]] - elapsed)
    return remaining


def _forecast(
    row: RowMapping, rates: Mapping[str, float], now: float, running_s: float, workers: int
) -> Forecast:
    """From a row of `_queue` and the seconds that all running jobs still need."""
    rate = rates.get(row["model"])
    if rate is None:
        return Forecast(row["place"])
    ahead = float(row["seconds"] or 0) + float(row["unmeasured"] or 0) * rate
    return Forecast(row["place"], now + (running_s + ahead) / workers + row["voxels"] * rate)
