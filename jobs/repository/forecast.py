"""What is to come: places in the queue, and when jobs will be done, from what was measured."""

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
class Outlook:
    """What a job may expect."""

    place: int | None = None
    """In the queue, 1 is next: more urgent jobs come before, and earlier ones of the same
    priority. None for a job that does not wait."""
    eta: float | None = None
    """Epoch seconds when it will be done; None where nothing was measured or it is over."""


class Forecast(Database):
    """Places, estimates and counts."""

    def outlook(self, asked: Sequence[Job]) -> dict[str, Outlook]:
        """Of each job, by its id; one look at the queue for all of them.

        Work ahead, in seconds by each model's measured seconds per voxel, is shared by the workers
        that live; then comes the job's own. A model that never ran is taken for as fast as the
        job's own.
        """
        found: dict[str, Outlook] = {}
        queued = [job.id for job in asked if job.state is JobState.QUEUED]
        if not all(job.state.final for job in asked):
            with self._read() as connection:
                now = self._clock(connection)
                rates = self._rates(connection)
                left = self._left(connection, rates, now)
                running_s, workers = sum(left.values()), max(1, self._living(connection))
                found = {name: Outlook(None, now + seconds) for name, seconds in left.items()}
                for row in self._queue(connection, queued, rates):
                    found[row["id"]] = _expected(row, rates, now, running_s, workers)
        return {job.id: found.get(job.id, Outlook()) for job in asked}

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state, those with none included."""
        with self._read() as connection:
            query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
            found = {JobState(state): n for state, n in connection.execute(query)}
        return {state: found.get(state, 0) for state in JobState}

    def _queue(
        self, connection: Connection, wanted: Sequence[str], rates: Mapping[str, float]
    ) -> Sequence[RowMapping]:
        """The place of each wanted job, and the work ahead of it."""
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

    def _rates(self, connection: Connection) -> dict[str, float]:
        """Seconds per voxel, of each model that waits or runs and was measured."""
        query = select(jobs.c.model).where(jobs.c.state.in_((JobState.QUEUED, JobState.RUNNING)))
        models = connection.execute(query.distinct()).scalars().all()
        rates = {model: self._rate(connection, model) for model in models}
        return {model: rate for model, rate in rates.items() if rate is not None}

    def _rate(self, connection: Connection, model: str) -> float | None:
        """Seconds per voxel of the model's latest jobs."""
        done = and_(jobs.c.model == model, jobs.c.state == JobState.SUCCEEDED)
        query = select(jobs.c.finished_at - jobs.c.started_at, jobs.c.voxels).where(done)
        query = query.order_by(jobs.c.finished_at.desc()).limit(_RECENT)
        measured = connection.execute(query).all()
        if not measured:
            return None
        seconds, voxels = (float(sum(column)) for column in zip(*measured, strict=True))
        return seconds / voxels

    def _left(
        self, connection: Connection, rates: Mapping[str, float], now: float
    ) -> dict[str, float]:
        """Seconds that each running job still needs, by its own pace once tiles were done."""
        columns = ("id", "model", "voxels", "started_at", "tiles_done", "tiles_total")
        query = select(*(jobs.c[name] for name in columns)).where(jobs.c.state == JobState.RUNNING)
        left: dict[str, float] = {}
        for row in connection.execute(query).mappings().all():
            ran = max(0.0, now - row["started_at"])
            if row["tiles_done"]:
                left[row["id"]] = ran * (row["tiles_total"] / row["tiles_done"] - 1)
            elif row["model"] in rates:
                left[row["id"]] = max(0.0, row["voxels"] * rates[row["model"]] - ran)
        return left

    def _living(self, connection: Connection) -> int:
        held = and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until >= self._now)
        query = select(func.count(jobs.c.worker.distinct())).where(held)
        return connection.execute(query).scalar_one()


def _expected(
    row: RowMapping, rates: Mapping[str, float], now: float, running_s: float, workers: int
) -> Outlook:
    """From a row of `_queue` and the seconds that all running jobs still need."""
    rate = rates.get(row["model"])
    if rate is None:
        return Outlook(row["place"])
    ahead = float(row["seconds"] or 0) + float(row["unmeasured"] or 0) * rate
    return Outlook(row["place"], now + (running_s + ahead) / workers + row["voxels"] * rate)
