"""SQLite: its connections, and how long it waits for its lock."""

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

_BUSY_MS = 30_000


def configure(engine: Engine) -> None:
    """Enables WAL, foreign keys and secure deletion, and begins writing transactions with BEGIN
    IMMEDIATE.

    A deferred transaction that starts to write fails at once with "database is locked", whatever
    the timeout. One that requests the lock when it begins waits for its turn.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions itself
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        _enter_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")  # a commit survives a power failure
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # deleted rows are overwritten with zeros

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tessera_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def empty_log(connection: Connection) -> bool:
    """Moves the write-ahead log, which may hold deleted rows, into the file and cuts it to zero.

    False if readers or writers prevent it. Outside a transaction.
    """
    (busy, _, _) = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy


def is_timeout(error: DBAPIError) -> bool:
    """Whether another process held the lock for the whole time that callers wait for it."""
    found = error.orig
    return isinstance(found, sqlite3.Error) and found.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Retries: SQLite's busy timeout does not cover this statement when many start at once."""
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
