"""Work whose worker ended: it is queued again, or fails if its attempts are used up."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

from sqlalchemy import ColumnElement, Connection, and_, not_, select

from jobs.job import JobEvent, JobState
from jobs.repository.database import Database
from jobs.repository.schema.table_parts import in_state
from jobs.repository.steps import UNHELD, Steps, W


class LostWork(Generic[W]):
    """Takes work of one kind from workers that have ended, or that seem to."""

    def __init__(self, database: Database, steps: Steps[W]) -> None:
        self._database, self._steps = database, steps

    @property
    def kind(self) -> str:
        """What is taken back, for log lines."""
        return self._steps.kind

    def take_back(self, attempts: int) -> Sequence[W]:
        """Takes work with an expired lease from its workers; returns what was changed.

        It is queued again, or failed after `attempts` attempts. Why the worker is silent is
        unknown: an attempt that has begun stays counted.
        """
        query = select(self._steps.table.c.id).where(self._silent()).limit(1)
        with self._database.read() as connection:  # mostly there is none: take no write lock
            if connection.execute(query).first() is None:
                return []
        with self._database.write() as connection:
            return self._lost(connection, self._expired(), None, attempts)

    def lost_with(self, worker: str, error: Mapping[str, Any], attempts: int) -> Sequence[W]:
        """As `take_back`, at once, for the work of a worker that ended for the reason `error`.

        Work that had not begun is released.
        """
        of_worker, counted = self._of(worker), self._steps.table.c.counted
        with self._database.write() as connection:
            early = self._steps.release_step(and_(of_worker, not_(counted)))
            released = self._steps.changed(connection, early)
            return released + self._lost(connection, of_worker, error, attempts)

    def released_by(self, worker: str) -> Sequence[W]:
        """Releases the work of a worker that was killed on purpose; returns it."""
        with self._database.write() as connection:
            return self._steps.changed(connection, self._steps.release_step(self._of(worker)))

    def release_all(self) -> Sequence[W]:
        """Releases all running work, of workers that do not exist: after a restore; returns it."""
        with self._database.write() as connection:
            return self._steps.changed(connection, self._steps.release_step(self._running))

    def _lost(
        self,
        connection: Connection,
        which: ColumnElement[bool],
        error: Mapping[str, Any] | None,
        attempts: int,
    ) -> list[W]:
        steps, attempt = self._steps, self._steps.table.c.attempt
        again = steps.step(JobEvent.REQUEUE, and_(which, attempt < attempts))
        reason = dict(error) if error else None
        again = again.values(sent_at=None, error=reason, **UNHELD, **steps.not_started)
        last = steps.step(JobEvent.GIVE_UP, and_(which, attempt >= attempts)).values(
            finished_at=self._database.now, error=reason or dict(steps.lost), **steps.ended
        )
        return steps.changed(connection, again) + steps.changed(connection, last)

    def _expired(self) -> ColumnElement[bool]:
        """As `_silent`; two sweepers at once lock different rows."""
        row, silent = self._steps.table.c.id, self._silent()
        unlocked = select(row).where(silent).with_for_update(skip_locked=True)
        return and_(silent, row.in_(unlocked))

    def _silent(self) -> ColumnElement[bool]:
        """Running work with an expired lease."""
        return and_(self._running, self._steps.table.c.lease_until < self._database.now)

    def _of(self, worker: str) -> ColumnElement[bool]:
        return and_(self._running, self._steps.table.c.worker == worker)

    @property
    def _running(self) -> ColumnElement[bool]:
        return in_state(self._steps.table, JobState.RUNNING)
