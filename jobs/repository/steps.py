"""The steps of a job's life as compare-and-set statements."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Update, and_, case, update

from jobs.job import Job, JobEvent, JobState, after, sources
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema import brief, jobs

UNHELD: Mapping[str, Any] = {"worker": None, "lease_until": None}
"""Column values of a job that no worker holds."""
ENDED: Mapping[str, Any] = {
    "lease_until": None,
    "preparing": False,
    "counted": False,
    "waiting_for": None,
}
"""Column values of a finished job; `worker` keeps the last holder's name."""
NOT_STARTED: Mapping[str, Any] = {
    "started_at": None,
    "tiles_done": 0,
    "tiles_total": 0,
    "preparing": False,
    "counted": False,
    "waiting_for": None,
}
"""Column values of a job whose work has not begun."""
_COUNTED = case((jobs.c.counted, 1), else_=0)
"""What the claim that runs has added to `attempt`."""
ATTEMPT_COUNTED: ColumnElement[int] = jobs.c.attempt + 1 - _COUNTED
"""`attempt` with the claim that runs."""
ATTEMPT_UNCOUNTED: ColumnElement[int] = jobs.c.attempt - _COUNTED
"""`attempt` without the claim that runs."""


def step(event: JobEvent, where: ColumnElement[bool]) -> Update:
    """From the states that TRANSITIONS allows for `event` to the state that follows."""
    allowed = sources(event)
    change = update(jobs).where(jobs.c.state.in_(allowed), where)
    return change.values(state=after(allowed[0], event))


def release_step(where: ColumnElement[bool], waiting_for: str | None = None) -> Update:
    """running -> queued without counting the attempt."""
    values = {**UNHELD, **NOT_STARTED, "attempt": ATTEMPT_UNCOUNTED, "waiting_for": waiting_for}
    return step(JobEvent.RELEASE, where).values(sent_at=None, **values)


def changed(connection: Connection, query: Update) -> list[Job]:
    """Executes a step; the jobs that it changed, in any order."""
    rows = connection.execute(query.returning(*brief)).mappings().all()
    return read_jobs(connection, rows) if rows else []


def held(job_id: str | BindParameter[str], fence: int | BindParameter[int]) -> ColumnElement[bool]:
    """Matches the job while the holder with this fence has it."""
    return and_(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING, jobs.c.fence == fence)
