"""The steps of a job's life as compare-and-set statements."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, and_, update

from jobs.job import Job, JobEvent, JobState, after, sources
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema import brief, jobs

UNHELD: Mapping[str, Any] = {"worker": None, "lease_until": None}
"""Column values of a job that no worker holds."""
ENDED: Mapping[str, Any] = {"lease_until": None, "preparing": False}
"""Column values of a finished job; `worker` keeps the last holder's name."""
NOT_STARTED: Mapping[str, Any] = {
    "started_at": None,
    "tiles_done": 0,
    "tiles_total": 0,
    "preparing": False,
}
"""Column values of a job whose work has not begun."""


def step(event: JobEvent, where: ColumnElement[bool]) -> Update:
    """From the states that TRANSITIONS allows for `event` to the state that follows."""
    allowed = sources(event)
    change = update(jobs).where(jobs.c.state.in_(allowed), where)
    return change.values(state=after(allowed[0], event))


def apply_step(connection: Connection, query: Update) -> Job | None:
    """Executes a step; the changed job, None if no row matched."""
    rows = connection.execute(query.returning(*brief)).mappings().all()
    return read_jobs(connection, rows)[0] if rows else None


def held(job_id: str, fence: int) -> ColumnElement[bool]:
    """Matches the job while the holder with this fence has it."""
    return and_(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING, jobs.c.fence == fence)
