"""A connection to the database and its rules: transactions, clock, migrations, errors."""

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
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

from imaging.errors import StorageFull, Unavailable

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_MIGRATION_LOCK = 0x7E55E7A
"""Any number that nothing else in the same PostgreSQL database locks."""
_BUSY_MS = 30_000
_IDLE_MS = 10_000
"""No transaction of ours waits for anything but the database: one that is silent for so long is
a frozen process or a host that went away, and PostgreSQL is to give up its locks."""
_FULL = ("disk is full", "No space left", "could not extend file")


class Database:
    """Reading and writing transactions on SQLite or PostgreSQL; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=32,
            hide_parameters=True,  # an error's text must not tell what a scan is called
        )
        self._sqlite = self._engine.dialect.name == "sqlite"
        (_teach_sqlite if self._sqlite else _teach_postgres)(self._engine)
        self._writer = self._engine.execution_options(tessera_writes=True)

    def migrate(self) -> None:
        """Brings the schema to its newest version; safe when several processes start at once."""
        if self._sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        with self._write() as connection:
            if not self._sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def ping(self) -> None:
        """Returns if the database answers; raises Unavailable if not."""
        with self._read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Gives every connection back."""
        self._engine.dispose()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        """A look at what is committed; on SQLite it never waits for a writer."""
        with _known_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """All of it or nothing; on SQLite it takes the write lock first and waits for it."""
        with _known_errors(), self._writer.begin() as connection:
            yield connection

    @property
    def _now(self) -> ColumnElement[float]:
        """Seconds since the epoch by the database's own clock, which all hosts share."""
        if self._sqlite:
            return literal(time.time(), Double)
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def _clock(self, connection: Connection) -> float:
        return float(connection.execute(select(self._now)).scalar_one())


def _teach_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, and BEGIN IMMEDIATE for whatever writes.

    A deferred transaction that turns to writing fails at once with "database is locked", whatever
    the timeout; one that asks for the lock at its beginning waits for its turn.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 itself must begin nothing
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        _enter_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")  # what was promised outlives a power cut
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tessera_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _teach_postgres(engine: Engine) -> None:
    """Locks of a silent session are given up, so that its job can be taken back."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # A statement, for poolers such as PgBouncer refuse it among the options of a connection.
        connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}")
        connection.commit()


def _enter_wal(connection: sqlite3.Connection) -> None:
    """The one statement that SQLite's busy timeout does not cover, when many start at once."""
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
    """Turns a database that is away or full into ours; faults of our own pass through."""
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        raise _ours(error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _ours(error) from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _ours(error) from error
        raise


def _ours(error: Exception) -> Unavailable:
    if any(word in str(error) for word in _FULL) or isinstance(error, OSError):
        return StorageFull(
            "The database has no room left.",
            hint="Free space on its disk; nothing was stored, so the request can be sent again.",
        )
    return Unavailable(
        "The database does not answer.",
        hint="See that it runs and that TESSERA_DATABASE_URL is right, then try again.",
    )
