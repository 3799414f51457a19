"""Waiting jobs are counted again by project after a gateway of an earlier version folded the counts
without their projects."""

from sqlalchemy import and_, func, insert, literal, or_, select, union_all

from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.schema.count_tables import BLOCK, job_counts
from jobs.repository.schema.job_tables import jobs, queued

_KEY = ("state", "queue", "model", "priority", "block", "project")


def count_projects_again(database: Database) -> None:
    """Adds what the counts of waiting jobs lack, if some have no project.

    One statement sees jobs and counts at the same moment, whatever else is stored meanwhile.
    """
    state = job_counts.c.state == JobState.QUEUED
    nameless = and_(state, job_counts.c.project == "")
    with database.read() as connection:
        if not connection.execute(select(func.sum(job_counts.c.jobs)).where(nameless)).scalar():
            return
    block = (jobs.c.seq // BLOCK).label("block")
    own = (jobs.c.queue, jobs.c.model, jobs.c.priority, block, jobs.c.project)
    present = select(literal(JobState.QUEUED.value).label("state"), *own, literal(1).label("jobs"))
    counted = select(*(job_counts.c[name] for name in _KEY), -job_counts.c.jobs)
    both = union_all(
        present.add_columns(jobs.c.voxels).where(queued),
        counted.add_columns(-job_counts.c.voxels).where(state),
    ).subquery()
    key, missing = [both.c[name] for name in _KEY], func.sum(both.c.jobs)
    voxels = func.sum(both.c.voxels)
    query = select(*key, missing, voxels).group_by(*key).having(or_(missing != 0, voxels != 0))
    with database.write() as connection:
        database.lock(connection, "fold job_counts")
        connection.execute(insert(job_counts).from_select((*_KEY, "jobs", "voxels"), query))
