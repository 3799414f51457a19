"""Which queued jobs have a message in the broker, as far as the database knows."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema import brief, jobs


class Messages:
    """Marks of sent messages: of several senders one sends, at most once in a lease."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsent(self, older_than_s: float | None = None, limit: int = 1000) -> list[Job]:
        """Queued jobs without a message, in the order of the queue.

        With `older_than_s`, also jobs whose message was sent longer ago than this.
        """
        return self._queued(self._unmarked(older_than_s), limit)

    def stale(self, queue: str, older_than_s: float, limit: int = 1000) -> list[Job]:
        """Queued jobs of this queue whose message is older than this, in the queue's order."""
        old = jobs.c.sent_at < self._database.now - older_than_s
        return self._queued(and_(jobs.c.queue == queue, old), limit)

    def mark_sent(self, job_ids: Sequence[str], older_than_s: float | None = None) -> set[str]:
        """Marks messages as sent; returns the ids of those that this caller must send.

        A job is marked if it is queued and has no message. With `older_than_s` it is also marked
        if its message was sent longer ago than this.
        """
        with self._database.write() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, self._unmarked(older_than_s))
            query = update(jobs).where(jobs.c.id.in_(job_ids), waits)
            query = query.values(sent_at=self._database.now)
            return set(connection.execute(query.returning(jobs.c.id)).scalars())

    def mark_unsent(self, job_id: str, attempt: int) -> None:
        """Removes the mark after the broker refused the message, so that it is sent soon."""
        with self._database.write() as connection:
            query = update(jobs).where(
                jobs.c.id == job_id, jobs.c.state == JobState.QUEUED, jobs.c.attempt == attempt
            )
            connection.execute(query.values(sent_at=None))

    def count_sent(self, queue: str) -> int:
        """How many queued jobs of this queue should have a message in the broker."""
        with self._database.read() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, jobs.c.queue == queue)
            query = select(jobs.c.seq).where(waits, jobs.c.sent_at.is_not(None))
            return connection.execute(query.with_only_columns(func.count())).scalar_one()

    def _queued(self, which: ColumnElement[bool], limit: int) -> list[Job]:
        with self._database.read() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, which)
            query = select(*brief).where(waits).order_by(jobs.c.priority.desc(), jobs.c.seq)
            return read_jobs(connection, connection.execute(query.limit(limit)).mappings())

    def _unmarked(self, older_than_s: float | None) -> ColumnElement[bool]:
        never = jobs.c.sent_at.is_(None)
        if older_than_s is None:
            return never
        return or_(never, jobs.c.sent_at < self._database.now - older_than_s)
