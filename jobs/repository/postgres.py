"""PostgreSQL: its connections, and how long it may take to answer."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy
from psycopg.abc import RV, PQGen
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_S = 10
"""A transaction of Tessera waits for nothing but the database. One that is idle for this long
belongs to a frozen process or a lost host; PostgreSQL ends it, which frees its locks."""
_CONNECT_S = 3
_PING_S = 3.0
_FRESH_S = 1.0
_USED_AT = "used_at"
_GRACE_S = 2.0
"""What a server gets, beyond the time for a statement, to report that it ended the statement."""
_POLL_S = 0.1


class ServerSilentError(psycopg.OperationalError):
    """The server did not answer within the time for a statement."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits for a bounded time, and is closed after that.

    `statement_timeout` is kept by the server, and a frozen server keeps none.
    """

    answer_s: float | None = None
    """How long it waits for the answer to a statement; None: without end."""

    def wait(self, gen: PQGen[RV], interval: float = _POLL_S, timeout: float | None = None) -> RV:
        """As `psycopg.Connection.wait`, which every statement goes through."""
        try:
            return super().wait(gen, interval, self.answer_s if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                raise
            self.close()  # the answer to this statement could be taken for that to the next
            raise ServerSilentError("the server does not answer") from error


def configure(engine: Engine, statement_s: float) -> None:
    """Bounds the time of statements, and of transactions that do nothing."""

    @event.listens_for(engine, "do_connect")
    def do_connect(
        _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> BoundedConnection:
        connection = BoundedConnection.connect(
            *arguments, **{"connect_timeout": _CONNECT_S} | options
        )
        connection.answer_s = statement_s + _GRACE_S
        return connection

    @event.listens_for(engine, "connect")
    def connect(connection: psycopg.Connection[Any], _record: Any) -> None:
        # As statements: poolers such as PgBouncer refuse them as options of the connection.
        connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_S * 1000:.0f}")
        connection.execute(f"SET statement_timeout = {statement_s * 1000:.0f}")
        # Without statistics of a table that has just grown by ten thousand rows, the planner reads
        # all of it in place of an index. Whole tables can still be read where no index helps.
        connection.execute("SET enable_seqscan = off")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def checkin(_connection: BoundedConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def checkout(connection: BoundedConnection, record: ConnectionPoolEntry, _proxy: Any) -> None:
        """As the pool's own `pool_pre_ping`, which would wait as long as for a statement.

        A connection that worked a moment ago is not tried again: that would be a fourth of all
        messages to the server.
        """
        if time.monotonic() - record.info.get(_USED_AT, -math.inf) < _FRESH_S:
            return
        try:
            with _answering_within(connection, _PING_S):
                engine.dialect.do_ping(connection)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise DisconnectionError from error  # the pool opens a new connection


@contextmanager
def unbounded(connection: sqlalchemy.Connection) -> Iterator[None]:
    """A transaction whose statements may take any time."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    driver: BoundedConnection = connection.connection.driver_connection  # type: ignore[assignment]
    with _answering_within(driver, None):
        yield


def allow_idleness(connection: sqlalchemy.Connection) -> None:
    """A transaction that may wait for something else than the database, and holds no lock."""
    connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


@contextmanager
def _answering_within(connection: BoundedConnection, seconds: float | None) -> Iterator[None]:
    usual, connection.answer_s = connection.answer_s, seconds
    try:
        yield
    finally:
        connection.answer_s = usual


def is_timeout(error: DBAPIError) -> bool:
    """Whether the server was silent. One that ends a statement, which waits for a lock, is not."""
    return isinstance(error.orig, (ServerSilentError, psycopg.errors.ConnectionTimeout))
