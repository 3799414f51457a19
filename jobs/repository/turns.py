"""Turns: in which order the projects of a queue start their jobs.

The highest priority goes first. Within a priority of a queue, projects take turns: next is the
project with the fewest running jobs of this priority and queue, of those the one that has waited
longest since its last start, of those the one with the oldest job. Within a project, the oldest
job is next. If all waiting jobs started now and none ended, they would start in this order:

    project   running   waiting jobs            round = running + place within the project
    a         2         a1 a2                   a1: 2, a2: 3
    b         0         b1 b2 b3 b4             b1: 0, b2: 1, b3: 2, b4: 3

    b1  b2  a1  b3  a2  b4                      in a round, a is first: its last start is older

Running jobs and starts are counted for each priority by itself. A project whose urgent jobs never
end could otherwise wait with its other jobs for ever.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    true,
)

from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.schema.count_tables import job_starts
from jobs.repository.schema.job_tables import jobs, queued, running
from jobs.repository.schema.table_parts import in_state

_SPARE_STARTS = 500
"""Starts that are left until they are worth their deletion."""
_QUEUE: BindParameter[str] = bindparam("of_queue", type_=Text)
_PRIORITY: BindParameter[int] = bindparam("of_priority", type_=Integer)
_WAITING = and_(queued, jobs.c.queue == _QUEUE, jobs.c.priority == _PRIORITY)
"""The job waits in a priority of a queue, both of which are parameters."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What decides about the next job of a project, in one priority of a queue."""

    project: str
    running: int
    last_start: int
    """Number of its last start, 0 if it never started a job."""
    oldest: int
    """Sequence number of its oldest job that waits."""

    def place(self, rank: int) -> tuple[int, int, int, int]:
        """Sorts the waiting jobs of all projects; `rank`: 0 for the project's oldest one.

        In a round, projects with more running jobs are first: of the others, jobs of the rounds
        before have started since.
        """
        return self.running + rank, -self.running, self.last_start, self.oldest

    def starts_before(self, other: "Turn", rank: int) -> int:
        """How many jobs of this project start before the job of the other one with this rank."""
        rounds = other.running + rank - self.running
        return max(0, rounds + (self.place(0)[1:] < other.place(0)[1:]))


@dataclass(frozen=True, slots=True)
class Front:
    """The front of a queue: the highest priority in which a job can be claimed."""

    queue: str
    priority: int
    shared: bool
    """Whether jobs of several projects wait in it."""


def front(queue: ColumnElement[str], which: ColumnElement[bool]) -> "Select[Any]":
    """The statement for the front of a queue: `queue`, `priority`, `shared`; no row if no job there
    meets the condition `which`."""
    other = jobs.alias("other")
    another = exists().where(
        in_state(other, JobState.QUEUED),
        other.c.queue == jobs.c.queue,
        other.c.priority == jobs.c.priority,
        other.c.project > jobs.c.project,
    )
    query = select(jobs.c.queue, jobs.c.priority, another.label("shared"))
    query = query.where(queued, jobs.c.queue == queue, which)
    return query.order_by(jobs.c.priority.desc(), jobs.c.project, jobs.c.seq).limit(1)


def read_front(
    connection: Connection, statement: "Select[Any]", parameters: Mapping[str, Any]
) -> Front | None:
    """The front of a queue; None if it has no such job."""
    row = connection.execute(statement, parameters).one_or_none()
    return None if row is None else Front(row.queue, row.priority, bool(row.shared))


@cache
def all_turns() -> "Select[Any]":
    """The statement for the turns of all waiting jobs."""
    return turns(true())


def turns(which: ColumnElement[bool]) -> "Select[Any]":
    """The statement for the turns of the jobs that meet a condition, with the parameters
    `of_queue` and `of_priority`.

    It reads a few entries of indexes for each project, and the running jobs.
    """
    projects, held, start = _projects(), _running(), job_starts.c
    oldest = select(jobs.c.seq).where(_WAITING, which, jobs.c.project == projects.c.project)
    last = select(func.max(start.seq)).where(
        start.queue == _QUEUE, start.priority == _PRIORITY, start.project == projects.c.project
    )
    query = select(
        projects.c.project,
        func.coalesce(held.c.jobs, 0),
        func.coalesce(last.scalar_subquery(), 0),
        oldest.order_by(jobs.c.seq).limit(1).scalar_subquery(),
    ).join_from(projects, held, held.c.project == projects.c.project, isouter=True)
    return query.where(projects.c.project.is_not(None))


def read_turns(
    connection: Connection,
    statement: "Select[Any]",
    queue: str,
    priority: int,
    parameters: Mapping[str, Any] | None = None,
) -> list[Turn]:
    """The projects with such jobs in a priority of a queue, the next one first."""
    given = {"of_queue": queue, "of_priority": priority, **(parameters or {})}
    rows = connection.execute(statement, given)
    found = [Turn(*row) for row in rows if row[-1] is not None]
    return sorted(found, key=lambda turn: turn.place(0))


def in_turn(following: Iterable[tuple[Turn, list[int]]], most: int) -> list[int]:
    """The first `most` of the jobs of all projects; for each, its oldest jobs are given."""
    places = [(turn.place(rank), job) for turn, its in following for rank, job in enumerate(its)]
    return [job for _, job in sorted(places)[:most]]


def forget_starts(database: Database) -> None:
    """Deletes all starts but the last of each project, if there are many."""
    with database.read() as connection:
        count = connection.execute(select(func.count()).select_from(job_starts)).scalar_one()
    if count < _SPARE_STARTS:
        return
    key = (job_starts.c.queue, job_starts.c.priority, job_starts.c.project)
    last = select(func.max(job_starts.c.seq)).group_by(*key)
    with database.write() as connection:
        connection.execute(delete(job_starts).where(job_starts.c.seq.not_in(last)))


def _projects() -> CTE:
    """The projects with waiting jobs, each found by one look into an index; then NULL."""
    name = select(jobs.c.project).order_by(jobs.c.project).limit(1)
    first = name.where(_WAITING).scalar_subquery()
    found = select(first.label("project")).cte("projects", recursive=True)
    later = name.where(_WAITING, jobs.c.project > found.c.project).scalar_subquery()
    return found.union_all(select(later).select_from(found).where(found.c.project.is_not(None)))


def _running() -> CTE:
    """How many jobs run for each project. Not grouped by the column itself: SQLite would read the
    jobs of all states by an index that begins with it."""
    held = and_(running, jobs.c.queue == _QUEUE, jobs.c.priority == _PRIORITY)
    project = jobs.c.project.concat("").label("project")
    query = select(project, func.count().label("jobs")).where(held)
    return query.group_by(project).cte("held")
