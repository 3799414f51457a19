"""Which jobs have a message in the broker, as far as the database knows."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from jobs.job import Job, JobState
from jobs.repository.ask import JobRows
from jobs.repository.schema import brief, jobs


class Messages(JobRows):
    """Who sends a job's message: one sender, at most once in a lease."""

    def unsent(self, older_than_s: float | None = None, limit: int = 1000) -> list[Job]:
        """Queued jobs without a message, or also those whose message is older; next ones first."""
        return self._waiting(self._silent(older_than_s), limit)

    def stale(self, queue: str, older_than_s: float, limit: int = 1000) -> list[Job]:
        """Queued jobs of this queue whose message is older than this; next ones first."""
        old = jobs.c.sent_at < self._now - older_than_s
        return self._waiting(and_(jobs.c.queue == queue, old), limit)

    def mark_sent(
        self,
        id: str,  # noqa: A002
        attempt: int,
        older_than_s: float | None = None,
    ) -> bool:
        """True for exactly one of those who want to send the job's message.

        Without `older_than_s` only a job that has no message is to be had; with it also one whose
        message is older, so that a message is sent at most once in that time.
        """
        with self._write() as connection:
            query = update(jobs).where(
                jobs.c.id == id,
                jobs.c.state == JobState.QUEUED,
                jobs.c.attempt == attempt,
                self._silent(older_than_s),
            )
            return connection.execute(query.values(sent_at=self._now)).rowcount == 1

    def mark_all_sent(self, ids: Sequence[str], older_than_s: float | None = None) -> set[str]:
        """As `mark_sent`, for many in one transaction: those that this caller is to send."""
        with self._write() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, self._silent(older_than_s))
            query = update(jobs).where(jobs.c.id.in_(ids), waits).values(sent_at=self._now)
            return set(connection.execute(query.returning(jobs.c.id)).scalars())

    def mark_unsent(self, id: str, attempt: int) -> None:  # noqa: A002
        """The broker did not take it: it is to be sent as soon as there is one again."""
        with self._write() as connection:
            query = update(jobs).where(
                jobs.c.id == id, jobs.c.state == JobState.QUEUED, jobs.c.attempt == attempt
            )
            connection.execute(query.values(sent_at=None))

    def sent(self, queue: str) -> int:
        """How many queued jobs of this queue should have a message in the broker."""
        with self._read() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, jobs.c.queue == queue)
            query = select(jobs.c.seq).where(waits, jobs.c.sent_at.is_not(None))
            return connection.execute(query.with_only_columns(func.count())).scalar_one()

    def _waiting(self, which: ColumnElement[bool], limit: int) -> list[Job]:
        with self._read() as connection:
            waits = and_(jobs.c.state == JobState.QUEUED, which)
            query = select(*brief).where(waits).order_by(jobs.c.priority.desc(), jobs.c.seq)
            return self._jobs(connection, connection.execute(query.limit(limit)).mappings())

    def _silent(self, older_than_s: float | None) -> ColumnElement[bool]:
        never = jobs.c.sent_at.is_(None)
        if older_than_s is None:
            return never
        return or_(never, jobs.c.sent_at < self._now - older_than_s)
