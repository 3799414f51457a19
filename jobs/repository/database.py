"""The database: connections, transactions, clock, migrations and errors."""

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    cast,
    create_engine,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from imaging.errors import BadRequest, StorageFull, Unavailable

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_MIGRATION_LOCK = 0x7E55E7A
"""An arbitrary number that nothing else in the same PostgreSQL database locks."""
_BUSY_MS = 30_000
_IDLE_MS = 10_000
"""A transaction of Tessera waits for nothing but the database. One that is idle for this long
belongs to a frozen process or a lost host; PostgreSQL ends it, which frees its locks."""
_FULL = ("disk is full", "No space left", "could not extend file")


class Database:
    """Reading and writing transactions on SQLite or PostgreSQL; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=32,
            hide_parameters=True,  # an error's text must not contain a file name
        )
        self._sqlite = self._engine.dialect.name == "sqlite"
        (_configure_sqlite if self._sqlite else _configure_postgres)(self._engine)
        self._writer = self._engine.execution_options(tessera_writes=True)

    def migrate(self) -> None:
        """Upgrades the schema to the newest version; several processes may do so at once."""
        if self._sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            if not self._sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise BadRequest(
                    "The database was created by another version of Tessera, probably a later one.",
                    expected="A database of this version, or of a version that it can update.",
                    hint="Start the version that created it, or set TESSERA_DATA or "
                    "TESSERA_DATABASE_URL to a new database.",
                ) from error

    def ping(self) -> None:
        """Returns if the database answers; raises Unavailable if not."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads committed rows; on SQLite it never waits for a writer."""
        with _known_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it waits for the write lock before it begins."""
        with _known_errors(), self._writer.begin() as connection:
            yield connection

    def lock(self, connection: Connection, name: str) -> None:
        """Waits for other writing transactions with the same lock; held until this one ends."""
        if not self._sqlite:  # where only one transaction writes at a time
            number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(number)))

    @property
    def now(self) -> ColumnElement[float]:
        """Seconds since the epoch, by the clock of the database, which all hosts share."""
        if self._sqlite:
            return literal(time.time(), Double)
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def clock(self, connection: Connection) -> float:
        """The value of `now` in this transaction."""
        return float(connection.execute(select(self.now)).scalar_one())


def _configure_sqlite(engine: Engine) -> None:
    """Enables WAL and foreign keys, and begins writing transactions with BEGIN IMMEDIATE.

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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tessera_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _configure_postgres(engine: Engine) -> None:
    """Ends idle transactions, so that their locks do not block other workers."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # As a statement: poolers such as PgBouncer refuse it as an option of the connection.
        connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")
        connection.commit()


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


@contextmanager
def _known_errors() -> Iterator[None]:
    """Turns an unreachable or full database into Unavailable or StorageFull.

    Other errors pass through. SQLite reports a faulty statement as it reports an outage.
    """
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise _tessera_error(error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _tessera_error(error) from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _tessera_error(error) from error
        raise


def _tessera_error(error: Exception) -> Unavailable:
    if any(word in str(error) for word in _FULL) or isinstance(error, OSError):
        return StorageFull(
            "The disk of the database is full.",
            hint="Free space on that disk, then send the request again. Nothing was stored.",
        )
    return Unavailable(
        "The database does not answer.",
        hint="Check that it runs and that TESSERA_DATABASE_URL is correct, then try again.",
    )
