"""The life of rows that workers hold, such as jobs, as compare-and-set statements."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    Update,
    and_,
    case,
    update,
)

from jobs.job import JobEvent, JobState, after, sources
from jobs.repository.rows import Row


class Work(Protocol):
    """What a worker does in the name of one row."""

    @property
    def id(self) -> str:
        """The row's id."""

    @property
    def state(self) -> JobState:
        """The row's state."""

    @property
    def fence(self) -> int:
        """Number of claims; it identifies the holder."""


W = TypeVar("W", bound=Work)

UNHELD: Mapping[str, Any] = {"worker": None, "lease_until": None}
"""Column values of a row that no worker holds."""
_ENDED = {"lease_until": None, "counted": False, "waiting_for": None}
_NOT_STARTED = {"started_at": None, "counted": False, "waiting_for": None}


@dataclass(frozen=True, slots=True)
class Steps(Generic[W]):
    """The steps of one kind of work. Its table has the columns of a lease; see `schema`."""

    kind: str
    """What a row is, for log lines."""
    table: Table
    columns: tuple[ColumnElement[Any], ...]
    """What is read of a row."""
    read: Callable[[Connection, Iterable[Row]], list[W]]
    lost: Mapping[str, Any]
    """Error of work whose workers all stopped without reporting a reason."""
    no_progress: Mapping[str, Any] = field(default_factory=dict)
    """Column values of work whose own work has not begun."""
    at_rest: Mapping[str, Any] = field(default_factory=dict)
    """Column values of finished work."""

    @property
    def ended(self) -> dict[str, Any]:
        """Column values of finished work; `worker` keeps the last holder's name."""
        return {**_ENDED, **self.at_rest}

    @property
    def not_started(self) -> dict[str, Any]:
        """Column values of work that no worker has begun."""
        return {**_NOT_STARTED, **self.no_progress}

    @property
    def attempt_counted(self) -> ColumnElement[int]:
        """`attempt` with the claim that runs."""
        return self.table.c.attempt + 1 - self._counted

    @property
    def attempt_uncounted(self) -> ColumnElement[int]:
        """`attempt` without the claim that runs."""
        return self.table.c.attempt - self._counted

    @property
    def _counted(self) -> ColumnElement[int]:
        """What the claim that runs has added to `attempt`."""
        return case((self.table.c.counted, 1), else_=0)

    def step(self, event: JobEvent, where: ColumnElement[bool]) -> Update:
        """From the states that TRANSITIONS allows for `event` to the state that follows."""
        allowed = sources(event)
        change = update(self.table).where(self.table.c.state.in_(allowed), where)
        return change.values(state=after(allowed[0], event))

    def release_step(self, where: ColumnElement[bool], waiting_for: str | None = None) -> Update:
        """running -> queued without counting the attempt."""
        values = {**UNHELD, **self.not_started, "attempt": self.attempt_uncounted}
        values |= {"sent_at": None, "waiting_for": waiting_for}
        return self.step(JobEvent.RELEASE, where).values(**values)

    def changed(
        self,
        connection: Connection,
        query: Update,
        parameters: Mapping[str, Any] | None = None,
    ) -> list[W]:
        """Executes a step; the work that it changed, in any order."""
        query = query.returning(*self.columns)
        rows = connection.execute(query, parameters).mappings().all()
        return self.read(connection, rows) if rows else []

    def held(
        self, work_id: str | BindParameter[str], fence: int | BindParameter[int]
    ) -> ColumnElement[bool]:
        """Matches the row while the holder with this fence has it."""
        table = self.table.c
        return and_(table.id == work_id, table.state == JobState.RUNNING, table.fence == fence)
