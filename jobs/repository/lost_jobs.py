"""Jobs whose worker ended: they are queued again, or fail if their attempts are used up."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, not_, select

from jobs.job import Job, JobEvent
from jobs.repository.database import Database
from jobs.repository.schema import jobs, running
from jobs.repository.steps import ENDED, NOT_STARTED, UNHELD, changed, release_step, step

WORKER_LOST: Mapping[str, Any] = {
    "type": "urn:tessera:worker-lost",
    "title": "Worker lost",
    "status": 500,
    "detail": "The worker stopped responding at every attempt.",
    "expected": "A worker that renews its lease until the mask is stored.",
    "hint": "Check whether workers run out of memory or are killed, then retry the job.",
}
"""Error of a job whose workers all stopped without reporting a reason."""


class LostJobs:
    """Takes jobs from workers that have ended, or that seem to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_back(self, attempts: int) -> list[Job]:
        """Takes jobs with an expired lease from their workers; returns the changed jobs.

        They are queued again, or failed after `attempts` attempts. Why the worker is silent is
        unknown: an attempt that has begun stays counted.
        """
        with self._database.write() as connection:
            return self._lost(connection, self._expired(), None, attempts)

    def lost_with(self, worker: str, error: Mapping[str, Any], attempts: int) -> list[Job]:
        """As `take_back`, at once, for the jobs of a worker that ended for the reason `error`.

        Jobs whose own work had not begun are released.
        """
        with self._database.write() as connection:
            early = release_step(and_(_of(worker), not_(jobs.c.counted)))
            released = changed(connection, early)
            return released + self._lost(connection, _of(worker), error, attempts)

    def released_by(self, worker: str) -> list[Job]:
        """Releases the jobs of a worker that was killed on purpose; returns them."""
        with self._database.write() as connection:
            return changed(connection, release_step(_of(worker)))

    def _lost(
        self,
        connection: Connection,
        which: ColumnElement[bool],
        error: Mapping[str, Any] | None,
        attempts: int,
    ) -> list[Job]:
        again = step(JobEvent.REQUEUE, and_(which, jobs.c.attempt < attempts))
        reason = dict(error) if error else None
        again = again.values(sent_at=None, error=reason, **UNHELD, **NOT_STARTED)
        last = step(JobEvent.GIVE_UP, and_(which, jobs.c.attempt >= attempts)).values(
            finished_at=self._database.now, error=reason or dict(WORKER_LOST), **ENDED
        )
        return changed(connection, again) + changed(connection, last)

    def _expired(self) -> ColumnElement[bool]:
        """Running jobs with an expired lease; two sweepers at once lock different rows."""
        silent = and_(running, jobs.c.lease_until < self._database.now)
        unlocked = select(jobs.c.id).where(silent).with_for_update(skip_locked=True)
        return and_(silent, jobs.c.id.in_(unlocked))


def _of(worker: str) -> ColumnElement[bool]:
    return and_(running, jobs.c.worker == worker)
