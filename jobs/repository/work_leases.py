"""Leases of any kind of work: how workers keep it and end it. Each step is one compare-and-set."""

from collections.abc import Collection, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Update,
    and_,
    bindparam,
    null,
    or_,
    select,
    update,
)

from jobs.job import JobEvent, JobState
from jobs.repository.database import Database
from jobs.repository.steps import UNHELD, Steps, W

P = TypeVar("P")
"""The progress of one kind of work."""


class Held(NamedTuple):
    """Work as its holder knows it."""

    id: str
    fence: int


class WorkLeases(Generic[W, P]):
    """The worker's side of the life of one kind of work.

    A holder identifies itself by the row's `fence`, which every claim increments. Steps of an
    earlier holder are refused, even after a retry or a release reset `attempt`.
    """

    _steps: Steps[W]

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, work_id: str, fence: int) -> bool:
        """The work itself begins: counts the attempt, and its duration starts at 0 again.

        False if the caller lost it.
        """
        steps = self._steps
        with self._database.write() as connection:
            query = steps.step(JobEvent.BEGIN, steps.held(work_id, fence))
            query = query.values(
                attempt=steps.attempt_counted, counted=True, started_at=self._database.now
            )
            return connection.execute(query).rowcount == 1

    def uncount(self, those: Collection[Held]) -> None:
        """The worker shuts down meanwhile: whatever happens, this is no attempt."""
        query = self._update_held().values(attempt=self._steps.attempt_uncounted, counted=False)
        with self._database.write() as connection:
            connection.execute(query, [_parameters(one) for one in those])

    def renew(self, progress: Mapping[Held, P], lease_s: float) -> None:
        """Extends these leases and stores the progress.

        An expired lease that nobody has taken back yet can still be renewed. Work that the caller
        has lost stays as it is.
        """
        query = self._update_held().values(lease_until=self._database.now + lease_s)
        rows = [_parameters(one) | self._columns_of(its) for one, its in progress.items()]
        with self._database.write() as connection:
            connection.execute(query, rows)

    def still_held(self, those: Collection[Held]) -> set[Held]:
        """Those that the caller has not lost."""
        table = self._steps.table.c
        query = select(table.id, table.fence).where(
            table.id.in_([one.id for one in those]), table.state == JobState.RUNNING
        )
        with self._database.read() as connection:
            return {Held(*row) for row in connection.execute(query)} & set(those)

    def fail(self, work_id: str, fence: int, error: Mapping[str, Any]) -> bool:
        """running -> failed, for an error that another attempt would meet again."""
        return self._end(work_id, fence, JobEvent.FAIL, error=dict(error))

    def release(self, work_id: str, fence: int, waiting_for: str | None = None) -> bool:
        """running -> queued without counting the attempt.

        `waiting_for`: the part of the installation that is unavailable; None: the worker shuts
        down.
        """
        with self._database.write() as connection:
            query = self._steps.release_step(self._steps.held(work_id, fence), waiting_for)
            return connection.execute(query).rowcount == 1

    def requeue(self, work_id: str, fence: int, error: Mapping[str, Any], attempts: int) -> bool:
        """running -> queued after a passing error; running -> failed at the last attempt.

        It is tried again one lease later. Both keep the error.
        """
        steps, held = self._steps, self._steps.held(work_id, fence)
        with self._database.write() as connection:
            again = steps.step(JobEvent.REQUEUE, and_(held, attempts > steps.attempt_counted))
            values = {"attempt": steps.attempt_counted, "error": dict(error)}
            again = again.values(
                sent_at=self._database.now, **values, **UNHELD, **steps.not_started
            )
            last = steps.step(JobEvent.GIVE_UP, held).values(
                finished_at=self._database.now, **values, **steps.ended
            )
            return any(connection.execute(query).rowcount == 1 for query in (again, last))

    def _columns_of(self, progress: P) -> dict[str, Any]:
        """The progress as column values."""
        raise NotImplementedError

    def _rested(self, lease_s: float | BindParameter[float]) -> ColumnElement[bool]:
        """The work was not requeued with an error within the last lease."""
        table = self._steps.table.c
        return or_(table.error.is_(null()), table.sent_at < self._database.now - lease_s)

    def _claim(
        self, connection: Connection, which: ColumnElement[bool], worker: str, lease_s: float
    ) -> list[W]:
        return self._steps.changed(connection, self._claim_step(which, worker, lease_s))

    def _claim_step(
        self,
        which: ColumnElement[bool],
        worker: str | BindParameter[str],
        lease_s: float | BindParameter[float],
    ) -> Update:
        steps = self._steps
        values = steps.not_started | {"started_at": self._database.now}
        return steps.step(JobEvent.CLAIM, which).values(
            worker=worker,
            lease_until=self._database.now + lease_s,
            fence=steps.table.c.fence + 1,
            error=None,
            **values,
        )

    def _end(self, work_id: str, fence: int, event: JobEvent, **values: Any) -> bool:
        steps = self._steps
        with self._database.write() as connection:
            query = steps.step(event, steps.held(work_id, fence))
            values |= {"attempt": steps.attempt_counted, "finished_at": self._database.now}
            query = query.values(**steps.ended | values)
            return connection.execute(query).rowcount == 1

    def _update_held(self) -> Any:
        held = self._steps.held(bindparam("held_id"), bindparam("held_fence"))
        return update(self._steps.table).where(held)


def _parameters(one: Held) -> dict[str, Any]:
    """For `held`, with names that are no columns."""
    return {"held_id": one.id, "held_fence": one.fence}
