"""Storage commitment of deliveries: which are to be requested, and what was reported."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update

from jobs.delivery import Commitment, Delivery, DeliveryState
from jobs.repository.database import Database
from jobs.repository.rows import delivery_of
from jobs.repository.schema.delivery_tables import commitment_open, deliveries


class Commitments:
    """The storage commitment of deliveries that were sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, destination: str, transaction: str, lease_s: float) -> Delivery | None:
        """The sent delivery whose commitment has been due longest.

        Nobody else can claim it before the lease has expired. `transaction` becomes its
        TransactionUID, so that a report which arrives at once is recognised. Its `commit_attempts`
        is incremented.
        """
        first = self._first_due(destination)
        if first is None:
            return None
        with self._database.write() as connection:
            claim = update(deliveries).where(
                deliveries.c.id == first,
                commitment_open,
                deliveries.c.due_at <= self._database.now,
            )
            claim = claim.values(
                due_at=self._database.now + lease_s,
                commit_attempts=deliveries.c.commit_attempts + 1,
                transaction=transaction,
            ).returning(*deliveries.c)
            row = connection.execute(claim).mappings().one_or_none()
        return None if row is None else delivery_of(row)

    def requested(self, delivery: Delivery, wait_s: float) -> None:
        """The destination accepted the request: it is repeated if there is no report in `wait_s`.

        Counts the request. Does nothing if the report has arrived meanwhile.
        """
        self._set(
            _open(delivery.transaction),
            commitment=Commitment.REQUESTED,
            due_at=self._database.now + wait_s,
            commit_requests=deliveries.c.commit_requests + 1,
            commit_attempts=0,
            error=None,
        )

    def postpone(self, delivery: Delivery, after_s: float, error: Mapping[str, Any]) -> None:
        """Makes the request due again after this many seconds."""
        self._set(
            _open(delivery.transaction), due_at=self._database.now + after_s, error=dict(error)
        )

    def fail(self, transaction: str, error: Mapping[str, Any], *, resend: bool = False) -> bool:
        """The destination does not commit; False if no open request has this transaction.

        `resend`: it does not keep the object, so that the delivery failed as a whole.
        """
        state = {"state": DeliveryState.FAILED} if resend else {}
        return self._set(
            _open(transaction), commitment=Commitment.FAILED, error=dict(error), **state
        )

    def commit(self, transaction: str) -> bool:
        """The destination keeps the object; False if no open request has this transaction."""
        return self._set(_open(transaction), commitment=Commitment.COMMITTED, error=None)

    def of_transaction(self, transaction: str) -> Delivery | None:
        """The delivery whose last request for commitment has this TransactionUID."""
        query = select(deliveries).where(deliveries.c.transaction == transaction)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else delivery_of(row)

    def _first_due(self, destination: str) -> str | None:
        """The id of the delivery to claim. Reads one row, the first in the partial index."""
        first = select(deliveries.c.id, deliveries.c.due_at)
        first = first.where(deliveries.c.destination == destination, commitment_open)
        row = first.order_by(deliveries.c.due_at).limit(1).subquery()
        with self._database.read() as connection:
            query = select(row.c.id).where(row.c.due_at <= self._database.now)
            return connection.execute(query).scalar_one_or_none()

    def _set(self, which: ColumnElement[bool], **values: Any) -> bool:
        with self._database.write() as connection:
            query = update(deliveries).where(which).values(values)
            return connection.execute(query).rowcount > 0


def _open(transaction: str | None) -> ColumnElement[bool]:
    return and_(deliveries.c.transaction == transaction, commitment_open)
