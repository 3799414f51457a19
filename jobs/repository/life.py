"""A job's life: every step is one compare-and-set, and the table of transitions says which."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, and_, null, or_, select, update

from imaging.errors import Conflict
from jobs.job import Job, JobEvent, JobState, Progress, after, sources
from jobs.repository.ask import JobRows, no_job
from jobs.repository.deliveries import waits_again
from jobs.repository.schema import brief, deliveries, jobs

_FREE: Mapping[str, Any] = {"worker": None, "lease_until": None}
_OVER: Mapping[str, Any] = {"lease_until": None}
_FRESH: Mapping[str, Any] = {"started_at": None, "tiles_done": 0, "tiles_total": 0}

LOST: Mapping[str, Any] = {
    "type": "about:blank",
    "title": "Worker lost",
    "status": 500,
    "detail": "The worker was lost at every attempt.",
    "expected": "A worker that renews its lease until the mask is made.",
    "hint": "Look whether workers run out of memory or are killed, then retry the job.",
}
"""Why a job was given up when nothing but silence is known."""


class JobLife(JobRows):
    """Claims, leases and ends.

    A holder proves itself by the job's `fence`, which every claim raises: whoever held the job
    before finds each of its steps refused, even after a retry or a release set `attempt` back.
    """

    def claim(self, id: str, worker: str, lease_s: float) -> Job | None:  # noqa: A002
        """queued -> running for exactly one caller, None for all others."""
        with self._write() as connection:
            return self._claim(connection, jobs.c.id == id, worker, lease_s)

    def claim_next(self, id: str, worker: str, lease_s: float) -> Job | None:  # noqa: A002
        """As `claim`, of whatever is next in the queue of job `id` once its message is here.

        A broker gives the first message to whoever waits for one, even where that worker was
        paused while more urgent ones came. So a message means "one more", and each job has one. A
        job that was given back for a reason waits a lease before another's message takes it.
        """
        queue = select(jobs.c.queue).where(jobs.c.id == id).scalar_subquery()
        due = or_(jobs.c.id == id, self._due(lease_s))
        query = select(jobs.c.id).where(jobs.c.state == JobState.QUEUED, jobs.c.queue == queue, due)
        query = query.order_by(jobs.c.priority.desc(), jobs.c.seq).limit(1)
        query = query.with_for_update(skip_locked=True)
        with self._write() as connection:
            first = connection.execute(query).scalar_one_or_none()
            return self._claim(connection, jobs.c.id == (first or id), worker, lease_s)

    def next_like(self, job: Job, lease_s: float, most: int) -> list[Job]:
        """The next jobs of its queue, as far as they want the same network in the same way.

        They are not claimed yet. A job of another kind ends the list: none behind it may overtake.
        """
        waits = and_(jobs.c.state == JobState.QUEUED, jobs.c.queue == job.queue, self._due(lease_s))
        query = select(*brief).where(waits).order_by(jobs.c.priority.desc(), jobs.c.seq)
        with self._read() as connection:
            rows = connection.execute(query.limit(most)).mappings()
            found = self._jobs(connection, rows)
        return list(takewhile(lambda other: _kind(other) == _kind(job), found))

    def _due(self, lease_s: float) -> ColumnElement[bool]:
        """Has a message, and was not given back for a reason within the last lease."""
        rested = or_(jobs.c.error.is_(null()), jobs.c.sent_at < self._now - lease_s)
        return and_(jobs.c.sent_at.is_not(None), rested)

    def renew(self, id: str, fence: int, lease_s: float, progress: Progress) -> bool:  # noqa: A002
        """A longer lease, and how far it is; False once the job is no longer this holder's.

        A lease that ran out and that nobody took back yet still is its holder's.
        """
        with self._write() as connection:
            query = update(jobs).where(_held(id, fence))
            query = query.values(
                lease_until=self._now + lease_s,
                tiles_done=progress.tiles_done,
                tiles_total=progress.tiles_total,
            )
            return connection.execute(query).rowcount == 1

    def holds(self, id: str, fence: int) -> bool:  # noqa: A002
        """Whether the job still is this holder's."""
        with self._read() as connection:
            query = select(jobs.c.seq).where(_held(id, fence))
            return connection.execute(query).one_or_none() is not None

    def finish(
        self,
        id: str,  # noqa: A002
        fence: int,
        *,
        mask_sha256: str,
        mask_format: str,
        preview_sha256: str | None,
        report: Mapping[str, Any],
    ) -> bool:
        """running -> succeeded with the mask; False once the job is no longer this holder's."""
        return self._end(
            id,
            fence,
            JobEvent.FINISH,
            tiles_done=jobs.c.tiles_total,
            mask_sha256=mask_sha256,
            mask_format=mask_format,
            preview_sha256=preview_sha256,
            report=dict(report),
        )

    def fail(self, id: str, fence: int, error: Mapping[str, Any]) -> bool:  # noqa: A002
        """running -> failed for a reason that another attempt would meet again."""
        return self._end(id, fence, JobEvent.FAIL, error=dict(error))

    def release(self, id: str, fence: int) -> bool:  # noqa: A002
        """running -> queued, the attempt not counted: its worker shuts down."""
        with self._write() as connection:
            query = _step(JobEvent.RELEASE, _held(id, fence)).values(
                attempt=jobs.c.attempt - 1, sent_at=None, **_FREE, **_FRESH
            )
            return self._stepped(connection, query) is not None

    def lose(self, id: str, fence: int, error: Mapping[str, Any], attempts: int) -> bool:  # noqa: A002
        """A part is away: running -> queued, to be sent after a lease; failed at the last attempt.

        The reason is kept, whichever it is.
        """
        with self._write() as connection:
            again = _step(JobEvent.LOSE, and_(_held(id, fence), jobs.c.attempt < attempts)).values(
                sent_at=self._now, error=dict(error), **_FREE, **_FRESH
            )
            enough = _step(JobEvent.GIVE_UP, _held(id, fence)).values(
                finished_at=self._now, error=dict(error), **_OVER
            )
            return any(self._stepped(connection, query) is not None for query in (again, enough))

    def cancel(self, project: str, id: str) -> Job:  # noqa: A002
        """queued or running -> cancelled, at once; raises Conflict once it is over."""
        with self._write() as connection:
            mine = and_(jobs.c.id == id, jobs.c.project == project)
            query = _step(JobEvent.CANCEL, mine).values(finished_at=self._now, **_OVER)
            return self._asked(connection, project, id, JobEvent.CANCEL, query)

    def retry(self, project: str, id: str) -> Job:  # noqa: A002
        """failed or cancelled -> queued with all its attempts; raises Conflict otherwise.

        Deliveries that failed with the job wait for it again.
        """
        with self._write() as connection:
            mine = and_(jobs.c.id == id, jobs.c.project == project)
            query = _step(JobEvent.RETRY, mine).values(
                attempt=0, finished_at=None, error=None, sent_at=None, **_FREE, **_FRESH
            )
            job = self._asked(connection, project, id, JobEvent.RETRY, query)
            waits_again(connection, deliveries.c.job == id)
            return job

    def take_back(self, max_attempts: int) -> list[Job]:
        """Jobs whose lease ran out: queued again, or failed at the last attempt."""
        with self._write() as connection:
            expired = self._expired()
            again = _step(JobEvent.LOSE, and_(expired, jobs.c.attempt < max_attempts))
            again = again.values(sent_at=None, **_FREE, **_FRESH)
            enough = _step(JobEvent.GIVE_UP, and_(expired, jobs.c.attempt >= max_attempts))
            enough = enough.values(finished_at=self._now, error=dict(LOST), **_OVER)
            rows = [
                row
                for query in (again, enough)
                for row in connection.execute(query.returning(*brief)).mappings()
            ]
            return self._jobs(connection, rows)

    def _claim(
        self, connection: Connection, which: ColumnElement[bool], worker: str, lease_s: float
    ) -> Job | None:
        query = _step(JobEvent.CLAIM, which).values(
            worker=worker,
            lease_until=self._now + lease_s,
            started_at=self._now,
            attempt=jobs.c.attempt + 1,
            fence=jobs.c.fence + 1,
            tiles_done=0,
            tiles_total=0,
            error=None,
        )
        return self._stepped(connection, query)

    def _end(self, id: str, fence: int, event: JobEvent, **values: Any) -> bool:  # noqa: A002
        with self._write() as connection:
            query = _step(event, _held(id, fence)).values(finished_at=self._now, **_OVER, **values)
            return self._stepped(connection, query) is not None

    def _expired(self) -> ColumnElement[bool]:
        """Running jobs of silent workers; two sweepers at once take different ones, not turns."""
        silent = and_(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < self._now)
        mine = select(jobs.c.id).where(silent).with_for_update(skip_locked=True)
        return and_(silent, jobs.c.id.in_(mine))

    def _stepped(self, connection: Connection, query: Update) -> Job | None:
        rows = connection.execute(query.returning(*brief)).mappings().all()
        return self._jobs(connection, rows)[0] if rows else None

    def _asked(
        self,
        connection: Connection,
        project: str,
        id: str,  # noqa: A002
        event: JobEvent,
        query: Update,
    ) -> Job:
        job = self._stepped(connection, query)
        if job is not None:
            return job
        found = select(jobs.c.state).where(jobs.c.id == id, jobs.c.project == project)
        state = connection.execute(found).scalar_one_or_none()
        if state is None:
            raise no_job()
        after(JobState(state), event)
        raise Conflict("The job changed just now.", hint="Look at it and ask again.")


def _held(id: str, fence: int) -> ColumnElement[bool]:  # noqa: A002
    return and_(jobs.c.id == id, jobs.c.state == JobState.RUNNING, jobs.c.fence == fence)


def _step(event: JobEvent, where: ColumnElement[bool]) -> Update:
    """The compare-and-set of an event: from where the table allows it, to where it leads."""
    able = sources(event)
    return update(jobs).where(jobs.c.state.in_(able), where).values(state=after(able[0], event))


def _kind(job: Job) -> tuple[object, ...]:
    """What jobs must have in common to be run side by side."""
    return job.model_sha256, job.options
