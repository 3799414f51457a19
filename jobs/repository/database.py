"""The database: connections, transactions, clock, migrations and errors."""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    bindparam,
    cast,
    create_engine,
    func,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from imaging.errors import BadRequest, Part, Unavailable
from jobs.outage_guard import OutageGuard
from jobs.repository import sqlite
from jobs.repository.revision import (
    check_support,
    migrations,
    revision_of,
    to_be_upgraded,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

_MIGRATION_LOCK = 0x7E55E7A
"""An arbitrary number that nothing else in the same PostgreSQL database locks."""
STATEMENT_S = 10.0
"""How long PostgreSQL may take for a statement, by default."""
_CONNECTIONS = 6
"""Most connections of a process. More than a few at work do not make it faster; the others wait,
each at most as long as for a statement."""
_FULL = ("disk is full", "No space left", "could not extend file")


class Database:
    """Reading and writing transactions on SQLite or PostgreSQL; safe to use from many threads."""

    def __init__(self, url: str, statement_s: float = STATEMENT_S) -> None:
        """`url`: an SQLAlchemy URL; nothing is connected yet. `statement_s`: how long
        PostgreSQL may take for a statement."""
        self._engine = create_engine(
            url,
            pool_size=_CONNECTIONS,
            max_overflow=0,  # those beyond the size are closed and opened for each transaction
            pool_timeout=statement_s,
            hide_parameters=True,  # an error's text must not contain a file name
        )
        self._sqlite = self._engine.dialect.name == "sqlite"
        if self._sqlite:
            sqlite.configure(self._engine)
        else:
            _postgres().configure(self._engine, statement_s)
        self._writer = self._engine.execution_options(tessera_writes=True)
        self._reads, self._writes = OutageGuard(), OutageGuard()

    def migrate(self) -> None:
        """Upgrades the schema to this version; several processes may do so at once.

        A database of a later version that serves this one, too, stays as it is. Raises BadRequest
        for one that does not, and for a database of another program or that is damaged.
        """
        try:
            with self.changing_schema() as (connection, config):
                if to_be_upgraded(connection):
                    command.upgrade(config, "head")
                else:
                    log.info("the database is of a later version, which serves this one, too")
        except DatabaseError as error:
            raise BadRequest(
                "The database is damaged, or does not let this user change it.",
                expected="A database of Tessera, with the right to create and change tables.",
                hint="Restore a backup, or check TESSERA_DATA and TESSERA_DATABASE_URL.",
            ) from error

    def revision(self) -> str | None:
        """The revision of the schema; None for a database without one."""
        with self.read() as connection:
            return revision_of(connection)

    def ping(self) -> None:
        """Returns if the database answers; raises Unavailable if not, and BadRequest if a later
        version has changed it so that this one cannot use it."""
        with self.read() as connection:
            check_support(connection)

    def empty_log(self) -> bool:
        """On SQLite, removes deleted rows from the write-ahead log; False if others use it now.
        On PostgreSQL, where this is the server's matter, it does nothing and returns True."""
        if not self._sqlite:
            return True
        with self._writes.call(), self._known_errors(self._writes):
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                return sqlite.empty_log(connection)

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads committed rows; on SQLite it never waits for a writer."""
        with (
            self._reads.call(),
            self._known_errors(self._reads),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it waits for the write lock before it begins."""
        with (
            self._writes.call(),
            self._known_errors(self._writes),
            self._writer.begin() as connection,
        ):
            yield connection

    def repeat_after_race(self, transaction: Callable[[Connection], T]) -> T:
        """Runs a transaction that writes, and once more if another one inserted the same key
        meanwhile.

        This happens on PostgreSQL only; the second run reads the other transaction's row.
        """
        try:
            with self.write() as connection:
                return transaction(connection)
        except IntegrityError:
            with self.write() as connection:
                return transaction(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """As `read`, of any length: all its statements see the rows of the same moment."""
        with (
            self._reads.call(),
            self._known_errors(self._reads),
            self._engine.connect() as connection,
        ):
            if not self._sqlite:  # where a transaction that reads is a snapshot
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin(), self._unbounded(connection):
                if not self._sqlite:
                    _postgres().allow_idleness(connection)
                yield connection

    @contextmanager
    def changing_schema(self) -> Iterator[tuple[Connection, Config]]:
        """As `write`, of any length, while no other process migrates; with Alembic's
        configuration, whose commands take part in the transaction."""
        if self._sqlite and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = migrations()
        with self.write() as connection, self._unbounded(connection):
            if not self._sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            yield connection, config

    def lock(self, connection: Connection, name: str) -> None:
        """Waits for other writing transactions with the same lock; held until this one ends."""
        if not self._sqlite:  # where only one transaction writes at a time
            number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
            connection.execute(select(func.pg_advisory_xact_lock(number)))

    @property
    def now(self) -> ColumnElement[float]:
        """Seconds since the epoch, by the clock of the database, which all hosts share.

        When the statement is executed, which may have been built long before.
        """
        if self._sqlite:
            return bindparam("now", callable_=time.time, unique=True, type_=Double)
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def clock(self, connection: Connection) -> float:
        """The value of `now` in this transaction."""
        return float(connection.execute(select(self.now)).scalar_one())

    @contextmanager
    def _known_errors(self, guard: OutageGuard) -> Iterator[None]:
        """Turns an unreachable or full database into Unavailable or StorageFull.

        Other errors pass through. SQLite reports a faulty statement as it reports an outage.
        """
        try:
            yield
        except (OperationalError, PoolTimeout) as error:
            failure = sqlite.disk_failure(error, self._engine.url.database or "")
            known = failure or _tessera_error(error)
            if isinstance(error, PoolTimeout) or self._is_timeout(error):
                guard.timed_out(known)
            raise known from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _tessera_error(error) from error
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _tessera_error(error) from error
            raise

    def _is_timeout(self, error: DBAPIError) -> bool:
        found: bool = (sqlite if self._sqlite else _postgres()).is_timeout(error)
        return found

    def _unbounded(self, connection: Connection) -> AbstractContextManager[None]:
        return nullcontext() if self._sqlite else _postgres().unbounded(connection)


def _postgres() -> ModuleType:
    """Loaded only where PostgreSQL is used: its driver is not installed everywhere."""
    from jobs.repository import postgres

    return postgres


def _tessera_error(error: Exception) -> Unavailable:
    if any(word in str(error) for word in _FULL) or isinstance(error, OSError):
        return sqlite.database_full()
    return Unavailable(
        "The database does not answer.",
        hint="Check that it runs and that TESSERA_DATABASE_URL is correct, then try again.",
        part=Part.DATABASE,
    )
