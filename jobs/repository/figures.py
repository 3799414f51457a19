"""The figures that metrics report, in a time that depends neither on how many jobs there are nor
on how many wait.

Each is a sum of the rows that triggers insert, or the first entry of an index.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, and_, func, select

from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.delivery_counts import delivery_counts
from jobs.repository.folding import fold
from jobs.repository.model_rates import model_rates
from jobs.repository.project_counts import count_projects_again
from jobs.repository.schema.count_tables import job_counts, tallies
from jobs.repository.schema.job_tables import jobs, queued, running
from jobs.repository.schema.worker_tables import trainings
from jobs.repository.turns import forget_starts
from jobs.repository.workers import running_workers
from jobs.service_figures import (
    CommitmentCount,
    Runs,
    ServiceFigures,
    StoredScans,
    WaitingJobs,
)

_FIGURES = ("number", "size", "seconds", "tiles", "network_s")
_KEY = tuple(column for column in tallies.c if column.name not in (*_FIGURES, "seq"))
_Tallies = Mapping[str, Sequence[Row[tuple[object, ...]]]]
"""Subject -> the sums of its rows."""


class Figures:
    """The figures of the whole service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> ServiceFigures:
        """All figures now."""
        with self._database.read() as connection:
            now = self._database.clock(connection)
            sums = _sums(connection)
            return ServiceFigures(
                jobs=_by_state(connection),
                preparing=_preparing(connection),
                waiting=_waiting(connection, sums, now),
                runs=[_runs(row) for row in sums["run"]],
                scans=[
                    StoredScans(row.project, int(row.number), int(row.size)) for row in sums["scan"]
                ],
                deliveries=delivery_counts(connection, now),
                commitments=[
                    CommitmentCount(row.peer, row.state, int(row.number))
                    for row in sums["commitment"]
                ],
                workers=running_workers(connection, now),
                trainings=_trainings(connection),
            )

    def fold(self) -> None:
        """Replaces counts and tallies with the same key by one with their sums, if there are
        many; deletes starts of jobs that nothing needs any more."""
        count_projects_again(self._database)
        fold(self._database, job_counts, ("jobs", "voxels"))
        forget_starts(self._database)
        fold(self._database, tallies, _FIGURES)


def _by_state(connection: Connection) -> dict[JobState, int]:
    """How many jobs are in each state; a state without jobs has 0."""
    query = select(job_counts.c.state, func.sum(job_counts.c.jobs)).group_by(job_counts.c.state)
    counts = {JobState(state): int(number) for state, number in connection.execute(query)}
    return {state: counts.get(state, 0) for state in JobState}


def _trainings(connection: Connection) -> dict[JobState, int]:
    """As `_by_state`; there are so few that they are counted."""
    query = select(trainings.c.state, func.count()).group_by(trainings.c.state)
    counts = {JobState(state): int(number) for state, number in connection.execute(query)}
    return {state: counts.get(state, 0) for state in JobState}


def _sums(connection: Connection) -> _Tallies:
    totals = (func.sum(tallies.c[name]).label(name) for name in _FIGURES)
    query = select(*_KEY, *totals).group_by(*_KEY).having(func.sum(tallies.c.number) > 0)
    rows = defaultdict(list)
    for row in connection.execute(query.order_by(*_KEY)):
        rows[row.subject].append(row)
    return rows


def _waiting(connection: Connection, sums: _Tallies, now: float) -> list[WaitingJobs]:
    rates = model_rates(connection) if sums["waiting"] else {}
    submitted = _oldest(connection) if sums["waiting"] else {}
    return [
        WaitingJobs(
            row.project,
            row.model,
            row.queue,
            int(row.number),
            int(row.size) * rates[row.model] if row.model in rates else None,
            max(0.0, now - submitted.get((row.project, row.model, row.queue), now)),
        )
        for row in sums["waiting"]
    ]


def _oldest(connection: Connection) -> dict[tuple[str, str, str], float]:
    """(project, model, queue) -> when the oldest of the jobs that wait there was submitted."""
    names = ("project", "model", "queue")
    key = [tallies.c[name] for name in names]
    groups = select(*key).where(tallies.c.subject == "waiting").group_by(*key).subquery()
    same = and_(*(jobs.c[name] == groups.c[name] for name in names))
    first = select(func.min(jobs.c.created_at)).where(queued, same).scalar_subquery()
    rows = connection.execute(select(*groups.c, first.label("created_at")))
    return {tuple(row[:3]): row.created_at for row in rows if row.created_at is not None}


def _preparing(connection: Connection) -> int:
    query = select(func.count()).select_from(jobs).where(running, jobs.c.preparing)
    return int(connection.execute(query).scalar_one())


def _runs(row: Row[tuple[object, ...]]) -> Runs:
    return Runs(
        model=row.model,
        queue=row.queue,
        outcome=row.state,
        kind=row.kind,
        device=row.device,
        precision=row.precision,
        bucket_s=row.bucket_s,
        number=int(row.number),
        seconds=float(row.seconds),
        tiles=int(row.tiles),
        network_s=float(row.network_s),
    )
