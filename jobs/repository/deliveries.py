"""Deliveries to other systems; a claim is a compare-and-set with a lease."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    insert,
    select,
    update,
)

from jobs.delivery import Delivery, DeliveryState, Receipt
from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import check_job
from jobs.repository.rows import delivery_of
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import jobs

_FINAL_STATES = tuple(state for state in JobState if state.final)


class Deliveries:
    """The deliveries of all jobs; `Jobs.add` stores those that are known from the start."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, project: str, job_id: str, wanted: Sequence[Delivery]) -> list[Delivery]:
        """Adds these deliveries, and starts again those of them that were sent or failed before.

        Returns all deliveries of the job; raises NotFound if it is not this project's.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            earlier = {_key(d): d for d in _of_job(connection, job_id)}
            new = [d for d in wanted if _key(d) not in earlier]
            insert_deliveries(connection, new)
            again = [earlier[_key(d)].id for d in wanted if d not in new]
            reset_deliveries(connection, deliveries.c.id.in_(again), self._database.now)
            return _of_job(connection, job_id)

    def of_job(self, project: str, job_id: str) -> list[Delivery]:
        """All deliveries of the project's job, in the order of their requests; raises NotFound."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            return _of_job(connection, job_id)

    def claim(self, destination: str, lease_s: float) -> Delivery | None:
        """The delivery to this destination that has been due longest and whose job is over.

        Nobody else can claim it before the lease has expired. Its `attempts` is incremented.
        """
        due = and_(
            deliveries.c.state == DeliveryState.WAITING,
            deliveries.c.destination == destination,
            deliveries.c.due_at <= self._database.now,
        )
        job_over = deliveries.c.job.in_(select(jobs.c.id).where(jobs.c.state.in_(_FINAL_STATES)))
        query = select(deliveries.c.id).where(due, job_over)
        query = query.order_by(deliveries.c.due_at, deliveries.c.seq).limit(1)
        with self._database.read() as connection:  # mostly there is none: take no write lock
            first = connection.execute(query).scalar_one_or_none()
        if first is None:
            return None
        with self._database.write() as connection:
            claim = update(deliveries).where(deliveries.c.id == first, due)
            claim = claim.values(
                due_at=self._database.now + lease_s, attempts=deliveries.c.attempts + 1
            ).returning(*deliveries.c)
            row = connection.execute(claim).mappings().one_or_none()
        return None if row is None else delivery_of(row)

    def mark_sent(self, delivery_id: str, receipt: Receipt) -> None:
        """waiting -> sent, for any holder: sending an object twice has no further effect."""
        with self._database.write() as connection:
            query = update(deliveries).where(
                deliveries.c.id == delivery_id, deliveries.c.state == DeliveryState.WAITING
            )
            query = query.values(
                state=DeliveryState.SENT,
                finished_at=self._database.now,
                error=None,
                sent_as=receipt.format,
                sop_class=receipt.sop_class,
                sop_instance=receipt.sop_instance,
                commitment=receipt.commitment,
                due_at=self._database.now,
            )
            connection.execute(query)

    def postpone(self, delivery: Delivery, after_s: float, error: Mapping[str, Any]) -> bool:
        """Makes it due again after this many seconds; False if the caller lost the delivery."""
        return self._set(delivery, due_at=self._database.now + after_s, error=dict(error))

    def fail(self, delivery: Delivery, error: Mapping[str, Any]) -> bool:
        """waiting -> failed, until it is requested again; False if the caller lost it."""
        return self._set(
            delivery,
            state=DeliveryState.FAILED,
            finished_at=self._database.now,
            error=dict(error),
        )

    def _set(self, delivery: Delivery, **values: Any) -> bool:
        with self._database.write() as connection:
            held = and_(
                deliveries.c.id == delivery.id,
                deliveries.c.state == DeliveryState.WAITING,
                deliveries.c.attempts == delivery.attempts,
            )
            return connection.execute(update(deliveries).where(held).values(values)).rowcount == 1


def insert_deliveries(connection: Connection, new: Sequence[Delivery]) -> None:
    """Stores new deliveries as part of the caller's transaction."""
    if new:
        connection.execute(insert(deliveries), [asdict(delivery) for delivery in new])


def reset_deliveries(
    connection: Connection, which: ColumnElement[bool], now: ColumnElement[float]
) -> None:
    """sent or failed -> waiting, with all their attempts; part of the caller's transaction."""
    over = and_(deliveries.c.state != DeliveryState.WAITING, which)
    fresh = {"state": DeliveryState.WAITING, "due_at": 0.0, "requested_again_at": now}
    uncounted = dict.fromkeys(("attempts", "commit_requests", "commit_attempts"), 0)
    unsent = dict.fromkeys(("sent_as", "sop_class", "sop_instance", "commitment", "transaction"))
    query = update(deliveries).where(over)
    connection.execute(query.values(finished_at=None, error=None, **fresh, **uncounted, **unsent))


def _key(delivery: Delivery) -> tuple[str, str, str]:
    """What makes a delivery of a job unique."""
    return delivery.destination, delivery.format, delivery.review


def _of_job(connection: Connection, job_id: str) -> list[Delivery]:
    query = select(deliveries).where(deliveries.c.job == job_id).order_by(deliveries.c.seq)
    return [delivery_of(row) for row in connection.execute(query).mappings()]
