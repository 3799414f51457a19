"""SQLite: its connections, and how long it waits for its lock."""

import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from imaging.errors import Part, StorageFull, Unavailable

_BUSY_MS = 30_000
_DISK_S = 1.0
"""How long a new connection tries again if the disk is the reason."""
_DISK = (
    *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
    sqlite3.SQLITE_READONLY,
)
_ROOM = 1 << 16
"""Bytes that SQLite needs to open a database: it makes two files beside it."""


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


def disk_failure(error: Exception, database: str) -> Unavailable | None:
    """The error for a disk that is full or fails; None for another reason. `database`: its path.

    SQLite says of a full disk only that a file beside the database cannot be made.
    """
    orig = getattr(error, "orig", None)
    if not isinstance(orig, sqlite3.Error) or not _is_of_disk(orig):
        return None
    folder = Path(database).absolute().parent
    with suppress(OSError):
        if shutil.disk_usage(folder).free < _ROOM:
            return database_full()
    return Unavailable(
        "The file of the database cannot be read or written.",
        expected="A disk that works, with free space, and whose files this user may change.",
        hint="Check the disk of the data folder, and whose the files in it are. Then try again.",
        part=Part.DATABASE,
    )


def database_full() -> StorageFull:
    """The error for a full disk of a database of any kind."""
    return StorageFull(
        "The disk of the database is full.",
        hint="Free space on that disk, then send the request again. Nothing was stored.",
        part=Part.DATABASE,
    )


def _is_of_disk(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DISK  # of the extended code


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Retries: SQLite's busy timeout does not cover this statement when many start at once."""
    began = time.monotonic()
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            patience_s = _DISK_S if _is_of_disk(error) else _BUSY_MS / 1000
            if time.monotonic() - began > patience_s:
                raise
            time.sleep(0.01)
        else:
            return
