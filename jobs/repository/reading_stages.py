"""Stages of second readings, on their way to webhook messages."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from jobs.repository.database import Database
from jobs.repository.schema.reading_tables import reading_events
from jobs.repository.webhooks import AT_ONCE, insert_messages
from jobs.webhook import ReadingStage, WebhookEvent, WebhookMessage

Compose = Callable[[Sequence[ReadingStage]], Sequence[WebhookMessage]]
"""Makes the messages about stages of second readings."""


class ReadingStages:
    """The stages of all projects that were not announced yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, compose: Compose, after_s: float = 0.0) -> int:
        """Turns stages that are at least this old into messages; how many stages it took.

        Each stage is taken by one caller, in the transaction that stores its messages.
        """
        due = reading_events.c.at <= self._database.now - after_s
        with self._database.read() as connection:  # mostly there is none: take no write lock
            if connection.execute(select(reading_events.c.seq).where(due).limit(1)).first() is None:
                return 0

        def transaction(connection: Connection) -> int:
            query = select(reading_events).where(due).order_by(reading_events.c.seq)
            query = query.limit(AT_ONCE).with_for_update(skip_locked=True)
            rows = connection.execute(query).mappings().all()
            taken = [row["seq"] for row in rows]
            connection.execute(delete(reading_events).where(reading_events.c.seq.in_(taken)))
            names = [name for name in ReadingStage.__dataclass_fields__ if name != "event"]
            stages = [
                ReadingStage(**{n: row[n] for n in names}, event=WebhookEvent(row["event"]))
                for row in rows
            ]
            now = self._database.clock(connection)
            new = [replace(one, created_at=now, due_at=now) for one in compose(stages)]
            insert_messages(connection, new)
            return len(rows)

        return self._database.repeat_after_race(transaction)
