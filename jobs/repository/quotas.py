"""Quotas: the limits of projects, and their checks in the transaction that stores something.

What a project uses is a sum of rows that triggers insert (`job_counts`, `tallies`), which takes the
same time however much is stored. On PostgreSQL, the sum does not show what open transactions have
inserted: where a project has a limit, its transactions that store something wait for each other.
Projects without a limit take no lock.
"""

from dataclasses import asdict, fields

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select

from imaging.counted import counted
from imaging.errors import BadRequest, QueueLimitReached, StorageLimitReached
from jobs.job import JobState
from jobs.project_limits import ProjectLimits, ProjectUsage
from jobs.repository.database import Database
from jobs.repository.schema.account_tables import project_limits
from jobs.repository.schema.count_tables import job_counts, storage_tally, tallies

_COLUMNS = tuple(project_limits.c[field.name] for field in fields(ProjectLimits))
_RAISE_HINT = "Delete scans that are not needed, or let an administrator raise the limit."


class Quotas:
    """The limits of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, project: str) -> ProjectLimits:
        """The limits of a project; all are None where none was set."""
        with self._database.read() as connection:
            return _limits(connection, project)

    def all(self) -> dict[str, ProjectLimits]:
        """Project -> limits, for each project that has some, by name."""
        query = select(project_limits.c.project, *_COLUMNS).order_by(project_limits.c.project)
        with self._database.read() as connection:
            return {row[0]: ProjectLimits(*row[1:]) for row in connection.execute(query)}

    def set(self, project: str, limits: ProjectLimits) -> None:
        """Replaces the limits of a project. What it uses already stays."""
        own = project_limits.c.project == project
        with self._database.write() as connection:
            _lock(self._database, connection, project)
            connection.execute(delete(project_limits).where(own))
            if limits != ProjectLimits():
                row = {"project": project, **asdict(limits)}
                connection.execute(insert(project_limits).values(row))

    def usage(self, project: str) -> ProjectUsage:
        """What a project uses now."""
        with self._database.read() as connection:
            return ProjectUsage(_stored(connection, project), _waiting(connection, project))

    def check_room(self, project: str, more_bytes: int) -> None:
        """Raises StorageLimitReached if the project may not store so many bytes more.

        Another transaction may use the room before the caller does: see `check_storage`.
        """
        with self._database.read() as connection:
            limit = _limits(connection, project).stored_bytes
            if limit is not None:
                _check_bytes(_stored(connection, project), more_bytes, limit)


def check_storage(database: Database, connection: Connection, project: str, more: int) -> None:
    """As `Quotas.check_room`, in the transaction that stores so many bytes more: no other one of
    the project uses the room until this one ends."""
    limit = _limits(connection, project).stored_bytes
    if limit is not None:
        _lock(database, connection, project)
        _check_bytes(_stored(connection, project), more, limit)


def check_order(database: Database, connection: Connection, project: str, more: int) -> None:
    """Raises QueueLimitReached if the project may not have so many more jobs wait,
    StorageLimitReached if it has no room for a mask, BadRequest for more jobs than may ever wait.

    In the transaction that stores the jobs, as `check_storage`.
    """
    limits = _limits(connection, project)
    if limits.stored_bytes is None and limits.waiting_jobs is None:
        return
    _lock(database, connection, project)
    if limits.stored_bytes is not None:
        _check_bytes(_stored(connection, project), 1, limits.stored_bytes)
    if limits.waiting_jobs is not None:
        _check_waiting(_waiting(connection, project), more, limits.waiting_jobs)


def _limits(connection: Connection, project: str) -> ProjectLimits:
    query = select(*_COLUMNS).where(project_limits.c.project == project)
    row = connection.execute(query).one_or_none()
    return ProjectLimits() if row is None else ProjectLimits(*row)


def _lock(database: Database, connection: Connection, project: str) -> None:
    database.lock(connection, f"limits {project}")


def _stored(connection: Connection, project: str) -> int:
    own = and_(storage_tally, tallies.c.project == project)
    return _total(connection, tallies.c.size, own)


def _waiting(connection: Connection, project: str) -> int:
    own = and_(job_counts.c.state == JobState.QUEUED, job_counts.c.project == project)
    return _total(connection, job_counts.c.jobs, own)


def _total(connection: Connection, column: ColumnElement[int], own: ColumnElement[bool]) -> int:
    return int(
        connection.execute(select(func.coalesce(func.sum(column), 0)).where(own)).scalar_one()
    )


def _check_bytes(stored: int, more: int, limit: int) -> None:
    if stored + more <= limit:
        return
    raise StorageLimitReached(
        f"The project has no room for this: {stored:,} of {limit:,} bytes are used.",
        expected=f"Scans and masks of at most {limit:,} bytes together.",
        hint=_RAISE_HINT,
    )


def _check_waiting(waiting: int, more: int, limit: int) -> None:
    expected = f"At most {counted(limit, 'waiting job')} of the project."
    if more > limit:
        raise BadRequest(
            f"The request has {counted(more, 'job')}, which is more than may wait.",
            expected=expected,
            hint="Send fewer jobs at once, or let an administrator raise the limit.",
        )
    if waiting + more > limit:
        one, many = "job of the project waits", "jobs of the project wait"
        raise QueueLimitReached(
            f"{counted(waiting, one, many)} already.",
            expected=expected,
            hint="Send the request again when jobs have started, or cancel some that wait.",
        )
