"""Webhook messages: made of the jobs that ended, claimed with a lease, listed and resent."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from imaging.errors import NotFound
from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import chunks
from jobs.repository.pages import newest_first
from jobs.repository.rows import job_end_of, message_of
from jobs.repository.schema.job_tables import batches, jobs
from jobs.repository.schema.webhook_tables import job_ends, message_waits, webhook_messages
from jobs.webhook import BatchEnd, JobEnd, MessageState, WebhookMessage

Compose = Callable[[Sequence[JobEnd], Sequence[BatchEnd]], Sequence[WebhookMessage]]
"""Makes the messages about jobs and batches that have ended."""

AT_ONCE = 200
"""Largest number of ended jobs that one transaction turns into messages."""


class Webhooks:
    """The outbox of webhooks, of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, compose: Compose, after_s: float = 0.0) -> int:
        """Turns jobs that ended at least `after_s` ago into messages; how many jobs it took.

        Each end is taken by one caller, in the transaction that stores its messages. Of jobs of a
        batch that end at the same time, several may find the batch finished: their messages have
        the same id and are stored once.
        """
        due = job_ends.c.finished_at <= self._database.now - after_s
        with self._database.read() as connection:  # mostly there is none: take no write lock
            if connection.execute(select(job_ends.c.seq).where(due).limit(1)).first() is None:
                return 0

        def transaction(connection: Connection) -> int:
            ends = _take_ends(connection, due)
            finished = _finished_batches(connection, {end.batch for end in ends if end.batch})
            now = self._database.clock(connection)
            new = [replace(m, created_at=now, due_at=now) for m in compose(ends, finished)]
            insert_messages(connection, new)
            return len(ends)

        return self._database.repeat_after_race(transaction)

    def add(self, message: WebhookMessage) -> WebhookMessage:
        """Stores a message that is due at once."""
        with self._database.write() as connection:
            now = self._database.clock(connection)
            message = replace(message, created_at=now, due_at=now)
            insert_messages(connection, [message])
            return message

    def claim(self, endpoint: str, lease_s: float) -> WebhookMessage | None:
        """The endpoint's message that has been due longest.

        Nobody else can claim it before the lease has expired. Its `attempts` is incremented.
        """
        table = webhook_messages.c
        due = and_(message_waits, table.endpoint == endpoint, table.due_at <= self._database.now)
        query = select(table.id).where(due).order_by(table.due_at, table.seq).limit(1)
        with self._database.read() as connection:  # mostly there is none: take no write lock
            first = connection.execute(query).scalar_one_or_none()
        if first is None:
            return None
        with self._database.write() as connection:
            locked = query.with_for_update(skip_locked=True)
            first = connection.execute(locked).scalar_one_or_none()
            claim = update(webhook_messages).where(table.id == first, due)
            claim = claim.values(
                due_at=self._database.now + lease_s, attempts=table.attempts + 1
            ).returning(*table)
            row = connection.execute(claim).mappings().one_or_none()
        return None if row is None else message_of(row)

    def mark_delivered(self, message: WebhookMessage, status: int) -> None:
        """waiting -> delivered, for any holder: the receiver has the message."""
        mine = and_(webhook_messages.c.id == message.id, message_waits)
        self._set(
            mine,
            state=MessageState.DELIVERED,
            finished_at=self._database.now,
            status=status,
            error=None,
        )

    def postpone(
        self, message: WebhookMessage, after_s: float, error: Mapping[str, Any], status: int | None
    ) -> bool:
        """Makes it due again after this many seconds; False if the caller lost the message."""
        due_at = self._database.now + after_s
        return self._set(_held(message), due_at=due_at, error=dict(error), status=status)

    def bury(self, message: WebhookMessage, error: Mapping[str, Any], status: int | None) -> bool:
        """waiting -> dead, until it is resent; False if the caller lost the message."""
        return self._set(
            _held(message),
            state=MessageState.DEAD,
            finished_at=self._database.now,
            error=dict(error),
            status=status,
        )

    def page(
        self,
        project: str | None,
        *,
        endpoint: str | None = None,
        state: MessageState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[WebhookMessage], str | None]:
        """A page of messages, newest first, and the cursor of the next page.

        `project`: None for all projects, also below.
        """
        query = select(webhook_messages).where(*_of(project, endpoint))
        if state is not None:
            query = query.where(webhook_messages.c.state == state)
        with self._database.read() as connection:
            rows, following = newest_first(connection, query, webhook_messages, cursor, limit)
        return [message_of(row) for row in rows], following

    def resend(self, project: str | None, message_id: str) -> WebhookMessage:
        """Makes a message due at once, with all its attempts; raises NotFound."""
        mine = and_(*_of(project, None), webhook_messages.c.id == message_id)
        with self._database.write() as connection:
            query = self._again(mine).returning(*webhook_messages.c)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(
                "There is no such webhook message.",
                hint="List the messages with GET /v1/webhooks/messages. They are deleted after "
                "TESSERA_WEBHOOK_KEEP_S.",
            )
        return message_of(row)

    def resend_dead(self, project: str | None, endpoint: str | None = None) -> int:
        """Makes dead messages due at once, of one endpoint or of all; returns their number."""
        dead = webhook_messages.c.state == MessageState.DEAD
        with self._database.write() as connection:
            return connection.execute(self._again(and_(*_of(project, endpoint), dead))).rowcount

    def forget(self, keep_s: float) -> int:
        """Deletes messages that nobody has sent, or tried to send, for this long."""
        with self._database.write() as connection:
            old = webhook_messages.c.due_at < self._database.now - keep_s
            return connection.execute(delete(webhook_messages).where(old)).rowcount

    def _again(self, which: ColumnElement[bool]) -> Any:
        return (
            update(webhook_messages)
            .where(which)
            .values(
                state=MessageState.WAITING,
                due_at=self._database.now,
                attempts=0,
                finished_at=None,
            )
        )

    def _set(self, which: ColumnElement[bool], **values: Any) -> bool:
        with self._database.write() as connection:
            query = update(webhook_messages).where(which).values(values)
            return connection.execute(query).rowcount == 1


def _held(message: WebhookMessage) -> ColumnElement[bool]:
    """Matches the message while its holder has it."""
    table = webhook_messages.c
    return and_(table.id == message.id, message_waits, table.attempts == message.attempts)


def _of(project: str | None, endpoint: str | None) -> list[ColumnElement[bool]]:
    table = webhook_messages.c
    wanted = ((table.project, project), (table.endpoint, endpoint))
    return [column == value for column, value in wanted if value is not None]


def _take_ends(connection: Connection, due: ColumnElement[bool]) -> list[JobEnd]:
    """Removes ends that no other transaction removes, the oldest first."""
    query = select(job_ends, jobs.c.traceparent).outerjoin(jobs, jobs.c.id == job_ends.c.job)
    query = query.where(due).order_by(job_ends.c.seq).limit(AT_ONCE)
    query = query.with_for_update(skip_locked=True, of=job_ends)
    rows = connection.execute(query).mappings().all()
    taken = [row["seq"] for row in rows]
    connection.execute(delete(job_ends).where(job_ends.c.seq.in_(taken)))
    return [job_end_of(row) for row in rows]


def _finished_batches(connection: Connection, ids: Iterable[str]) -> list[BatchEnd]:
    """Those of these batches whose jobs have all ended."""
    counted: dict[str, list[Any]] = defaultdict(list)
    for some in chunks(sorted(ids)):
        key = (batches.c.id, batches.c.project, batches.c.created_at, jobs.c.state, jobs.c.model)
        query = select(*key, func.count().label("jobs"), func.max(jobs.c.finished_at).label("end"))
        own = and_(jobs.c.project == batches.c.project, jobs.c.batch == batches.c.id)
        query = query.join(jobs, own).where(batches.c.id.in_(some)).group_by(*key)
        for row in connection.execute(query):
            counted[row.id].append(row)
    return [
        _batch_end(rows)
        for rows in counted.values()
        if all(JobState(row.state).final for row in rows)
    ]


def _batch_end(rows: Sequence[Any]) -> BatchEnd:
    """The end of a batch from its numbers of jobs by state and model."""
    states: dict[JobState, int] = defaultdict(int)
    for row in rows:
        states[JobState(row.state)] += row.jobs
    return BatchEnd(
        batch=rows[0].id,
        project=rows[0].project,
        states=dict(states),
        models=frozenset(row.model for row in rows),
        created_at=rows[0].created_at,
        finished_at=max(row.end for row in rows),
    )


def insert_messages(connection: Connection, messages: Sequence[WebhookMessage]) -> None:
    """Stores those messages whose id is not stored yet."""
    new = {message.id: message for message in messages}
    for ids in chunks(list(new)):
        query = select(webhook_messages.c.id).where(webhook_messages.c.id.in_(ids))
        for known in connection.execute(query).scalars().all():
            del new[known]
    for some in chunks([asdict(message) for message in new.values()]):
        connection.execute(insert(webhook_messages), some)
