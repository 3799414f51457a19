"""What is to be sent to other systems; a claim is a compare-and-set with a lease."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from jobs.delivery import Delivery, DeliveryState
from jobs.job import JobState
from jobs.repository.ask import insert_deliveries, no_job
from jobs.repository.database import Database
from jobs.repository.schema import deliveries, delivery_of, jobs

_OVER = tuple(state for state in JobState if state.final)


class DeliveryRows(Database):
    """Deliveries of jobs; `add_job` stores those that are known from the beginning."""

    def deliver(self, project: str, job_id: str, asked: Sequence[Delivery]) -> list[Delivery]:
        """Has these sent, and those among them that were sent or failed earlier sent again.

        All deliveries of the job; raises NotFound where it is not this project's.
        """
        with self._write() as connection:
            mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.project == project)
            if connection.execute(mine.with_for_update()).one_or_none() is None:
                raise no_job()
            earlier = {(d.destination, d.format): d for d in _of_job(connection, job_id)}
            new = [d for d in asked if (d.destination, d.format) not in earlier]
            insert_deliveries(connection, new)
            old = [earlier[d.destination, d.format].id for d in asked if d not in new]
            waits_again(connection, deliveries.c.id.in_(old))
            return _of_job(connection, job_id)

    def deliveries(self, project: str, job_id: str) -> list[Delivery]:
        """All deliveries of the project's job, in the order they were asked; raises NotFound."""
        with self._read() as connection:
            mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.project == project)
            if connection.execute(mine).one_or_none() is None:
                raise no_job()
            return _of_job(connection, job_id)

    def claim_delivery(self, destination: str, lease_s: float) -> Delivery | None:
        """The delivery to this destination that is longest due, of a job that is over.

        Nobody else is given it before the lease has run out; its `attempts` are one more.
        """
        waits = and_(
            deliveries.c.state == DeliveryState.WAITING,
            deliveries.c.destination == destination,
            deliveries.c.due_at <= self._now,
        )
        of_over = deliveries.c.job.in_(select(jobs.c.id).where(jobs.c.state.in_(_OVER)))
        query = select(deliveries.c.id).where(waits, of_over)
        query = query.order_by(deliveries.c.due_at, deliveries.c.seq).limit(1)
        with self._read() as connection:  # most looks find nothing, and take no write lock
            found = connection.execute(query).scalar_one_or_none()
        if found is None:
            return None
        with self._write() as connection:
            claim = update(deliveries).where(deliveries.c.id == found, waits)
            claim = claim.values(
                due_at=self._now + lease_s, attempts=deliveries.c.attempts + 1
            ).returning(*deliveries.c)
            row = connection.execute(claim).mappings().one_or_none()
        return None if row is None else delivery_of(row)

    def delivery_sent(self, id: str) -> None:  # noqa: A002
        """It is there, whoever brought it: an object that is sent twice is the same object."""
        with self._write() as connection:
            query = update(deliveries).where(
                deliveries.c.id == id, deliveries.c.state == DeliveryState.WAITING
            )
            values = {"state": DeliveryState.SENT, "finished_at": self._now, "error": None}
            connection.execute(query.values(values))

    def delivery_postponed(
        self, delivery: Delivery, after_s: float, error: Mapping[str, Any]
    ) -> bool:
        """To be tried again after so long; False where it is no longer this holder's."""
        return self._set(delivery, due_at=self._now + after_s, error=dict(error))

    def delivery_failed(self, delivery: Delivery, error: Mapping[str, Any]) -> bool:
        """Not to be tried again unless somebody asks; False where it is another's."""
        return self._set(
            delivery, state=DeliveryState.FAILED, finished_at=self._now, error=dict(error)
        )

    def _set(self, delivery: Delivery, **values: Any) -> bool:
        with self._write() as connection:
            held = and_(
                deliveries.c.id == delivery.id,
                deliveries.c.state == DeliveryState.WAITING,
                deliveries.c.attempts == delivery.attempts,
            )
            return connection.execute(update(deliveries).where(held).values(values)).rowcount == 1


def waits_again(connection: Connection, which: ColumnElement[bool]) -> None:
    """Lets those that are over be as they were when they were asked for."""
    over = and_(deliveries.c.state != DeliveryState.WAITING, which)
    fresh = {"state": DeliveryState.WAITING, "attempts": 0, "due_at": 0.0}
    query = update(deliveries).where(over)
    connection.execute(query.values(finished_at=None, error=None, **fresh))


def _of_job(connection: Connection, job_id: str) -> list[Delivery]:
    query = select(deliveries).where(deliveries.c.job == job_id).order_by(deliveries.c.seq)
    return [delivery_of(row) for row in connection.execute(query).mappings()]
