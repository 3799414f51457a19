"""What is to come: a job's place in the queue, and when it will be done, from what was measured."""

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.schema import brief, jobs

_RECENT = 20
"""Finished jobs of a model that its speed is measured from."""


class Forecast(Database):
    """Places, estimates and counts."""

    def place(self, job: Job) -> int | None:
        """1 is next: queued jobs of higher priority count, and earlier ones of the same."""
        with self._read() as connection:
            ahead = self._ahead(connection, job)
            if ahead is None:
                return None
            return 1 + connection.execute(select(func.count()).where(ahead)).scalar_one()

    def eta(self, job: Job) -> float | None:
        """Epoch seconds when the job will be done; None where nothing was measured or it is over.

        Work ahead, in seconds by each model's measured seconds per voxel, is shared by the workers
        that live; then comes the job's own.
        """
        if job.state.final:
            return None
        with self._read() as connection:
            rate = self._rate(connection, job.model)
            if rate is None:
                return None
            left = self._left(connection)
            now = self._clock(connection)
            if job.state is JobState.RUNNING:
                return now + left[job.id] if job.id in left else None
            ahead = self._ahead(connection, job)
            if ahead is None:
                return None
            work = sum(left.values()) + self._work(connection, ahead, rate)
            own = select(jobs.c.voxels).where(jobs.c.id == job.id)
            voxels = int(connection.execute(own).scalar_one())
            return now + work / max(1, self._living(connection)) + voxels * rate

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state, those with none included."""
        with self._read() as connection:
            query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
            found = {JobState(state): n for state, n in connection.execute(query)}
        return {state: found.get(state, 0) for state in JobState}

    def _ahead(self, connection: Connection, job: Job) -> ColumnElement[bool] | None:
        mine = select(jobs.c.seq).where(jobs.c.id == job.id, jobs.c.state == JobState.QUEUED)
        seq = connection.execute(mine).scalar_one_or_none()
        if seq is None:
            return None
        earlier = and_(jobs.c.priority == job.priority, jobs.c.seq < seq)
        return and_(jobs.c.state == JobState.QUEUED, or_(jobs.c.priority > job.priority, earlier))

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

    def _left(self, connection: Connection) -> dict[str, float]:
        """Seconds that each running job still needs, by its own pace once tiles were done."""
        query = select(*brief).where(jobs.c.state == JobState.RUNNING)
        now = self._clock(connection)
        left: dict[str, float] = {}
        for row in connection.execute(query).mappings().all():
            ran = max(0.0, now - row["started_at"])
            if row["tiles_done"]:
                left[row["id"]] = ran * (row["tiles_total"] / row["tiles_done"] - 1)
            elif (rate := self._rate(connection, row["model"])) is not None:
                left[row["id"]] = max(0.0, row["voxels"] * rate - ran)
        return left

    def _work(self, connection: Connection, ahead: ColumnElement[bool], rate: float) -> float:
        """Seconds of queued work, a model that never ran taken for as fast as the job's own."""
        query = select(jobs.c.model, func.sum(jobs.c.voxels)).where(ahead).group_by(jobs.c.model)
        work = 0.0
        for model, voxels in connection.execute(query).all():
            known = self._rate(connection, model)
            work += float(voxels) * (rate if known is None else known)
        return work

    def _living(self, connection: Connection) -> int:
        held = and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until >= self._now)
        query = select(func.count(jobs.c.worker.distinct())).where(held)
        return connection.execute(query).scalar_one()
