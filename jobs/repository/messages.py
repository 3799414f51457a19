"""Which queued jobs have a message in the broker, as far as the database knows."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema.count_tables import job_counts
from jobs.repository.schema.job_tables import brief, in_order, jobs, queued, unsent


class Messages:
    """Marks of sent messages: of several senders one sends, at most once in a lease."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsent(self, limit: int = 1000) -> list[Job]:
        """Queued jobs without a message, in the order of the queue."""
        return self._read(unsent, limit)

    def has_stale(self, queue: str, older_than_s: float) -> bool:
        """Whether a queued job of this queue has a message that is older than this."""
        with self._database.read() as connection:
            now = self._database.clock(connection)  # as a value, which an index can be compared to
            old = jobs.c.sent_at < now - older_than_s
            query = select(jobs.c.seq).where(queued, jobs.c.queue == queue, old).limit(1)
            return connection.execute(query).first() is not None

    def stale(self, queue: str, older_than_s: float, limit: int = 1000) -> list[Job]:
        """Queued jobs of this queue whose message is older than this, in the queue's order."""
        old = jobs.c.sent_at < self._database.now - older_than_s
        return self._read(and_(queued, jobs.c.queue == queue, old), limit)

    def mark_sent(self, job_ids: Sequence[str], older_than_s: float | None = None) -> set[str]:
        """Marks messages as sent; returns the ids of those that this caller must send.

        A job is marked if it is queued and has no message. With `older_than_s` it is also marked
        if its message was sent longer ago than this.
        """
        with self._database.write() as connection:
            waits = and_(queued, self._unmarked(older_than_s))
            query = update(jobs).where(jobs.c.id.in_(job_ids), waits)
            query = query.values(sent_at=self._database.now)
            return set(connection.execute(query.returning(jobs.c.id)).scalars())

    def mark_unsent(self, job_id: str, fence: int) -> None:
        """Removes the mark after the broker refused the message, so that it is sent soon.

        Not where the job was claimed since.
        """
        with self._database.write() as connection:
            query = update(jobs).where(
                jobs.c.id == job_id, jobs.c.state == JobState.QUEUED, jobs.c.fence == fence
            )
            connection.execute(query.values(sent_at=None))

    def count_sent(self, queue: str) -> int:
        """How many queued jobs of this queue should have a message in the broker."""
        waits = and_(job_counts.c.state == JobState.QUEUED, job_counts.c.queue == queue)
        waiting = select(func.coalesce(func.sum(job_counts.c.jobs), 0)).where(waits)
        without = select(func.count()).select_from(jobs).where(unsent, jobs.c.queue == queue)
        with self._database.read() as connection:
            query = select(waiting.scalar_subquery() - without.scalar_subquery())
            return int(connection.execute(query).scalar_one())

    def _read(self, which: ColumnElement[bool], limit: int) -> list[Job]:
        with self._database.read() as connection:
            query = select(*brief).where(which).order_by(*in_order)
            return read_jobs(connection, connection.execute(query.limit(limit)).mappings())

    def _unmarked(self, older_than_s: float | None) -> ColumnElement[bool]:
        never = jobs.c.sent_at.is_(None)
        if older_than_s is None:
            return never
        return or_(never, jobs.c.sent_at < self._database.now - older_than_s)
