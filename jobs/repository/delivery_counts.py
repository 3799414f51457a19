"""How many deliveries there are, and how long the oldest one has waited."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    case,
    func,
    literal,
    select,
    union_all,
)

from jobs.delivery import DeliveryCount, DeliveryState
from jobs.repository.schema.count_tables import tallies
from jobs.repository.schema.delivery_tables import deliveries, delivery_waits
from jobs.repository.schema.job_tables import jobs

_OLDEST_OF = 64


def delivery_counts(connection: Connection, now: float) -> list[DeliveryCount]:
    """The deliveries of all projects, by destination and state.

    The time that it takes does not depend on how many there are: the oldest one is looked for
    between the _OLDEST_OF that were tried most often, and, if there are fewer, requested first.
    """
    key, number = (tallies.c.peer, tallies.c.state), func.sum(tallies.c.number)
    query = select(*key, number).where(tallies.c.subject == "delivery").group_by(*key)
    rows = connection.execute(query.having(number > 0).order_by(*key)).all()
    peers = [peer for peer, state, _ in rows if state == DeliveryState.WAITING]
    oldest = _oldest(connection, peers, now) if peers else {}
    return [
        DeliveryCount(
            peer,
            DeliveryState(state),
            int(count),
            oldest.get(peer) if state == DeliveryState.WAITING else None,
        )
        for peer, state, count in rows
    ]


def _oldest(connection: Connection, peers: Sequence[str], now: float) -> dict[str, float]:
    """Peer -> for how many seconds its oldest delivery has waited; see `delivery_counts`."""
    rows = connection.execute(union_all(*map(_waiting_since_of, peers)))
    return {peer: max(0.0, now - since) for peer, since in rows if since is not None}


def _waiting_since_of(peer: str) -> "Select[str, float | None]":
    names = ("job", "created_at", "requested_again_at")
    first = select(*(deliveries.c[name] for name in names))
    first = first.where(delivery_waits, deliveries.c.destination == peer)
    first = first.order_by(deliveries.c.attempts.desc(), deliveries.c.seq).limit(_OLDEST_OF)
    rows = first.subquery()
    since = func.min(_waiting_since(rows)).label("since")
    return select(literal(peer, Text).label("peer"), since).join_from(
        rows, jobs, jobs.c.id == rows.c.job
    )


def _waiting_since(rows: FromClause) -> ColumnElement[float | None]:
    """When a delivery was last requested or its job finished, whichever is later; else NULL."""
    requested = func.coalesce(rows.c.requested_again_at, rows.c.created_at)
    return case((jobs.c.finished_at < requested, requested), else_=jobs.c.finished_at)
