"""Viewers: which pages show a job, as the pages report every few seconds."""

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from jobs.repository.database import Database
from jobs.repository.job_rows import check_job
from jobs.repository.schema.reading_tables import readings, viewers
from jobs.second_reading import ReadingState
from jobs.viewer import Viewer

LEASE_S = 30.0
"""A page that has not reported for this long counts as closed, in seconds."""
MOST_VIEWERS = 20
"""Most pages of a job that are remembered; further ones are not shown to others."""


class Viewers:
    """The open pages of all jobs. They inform readers, and block nobody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def renew(self, project: str, job_id: str, viewer_id: str, reader: str) -> list[Viewer]:
        """Notes that the page still shows the job; returns the other pages, oldest first.

        Their names are empty until the second reading of the job is complete, unless it shows
        names. Raises NotFound.
        """

        def transaction(connection: Connection) -> list[Viewer]:
            check_job(connection, project, job_id)
            now = self._database.clock(connection)
            connection.execute(delete(viewers).where(viewers.c.until < now))
            lease = {"reader": reader, "until": now + LEASE_S}
            mine = _page(job_id, viewer_id)
            if not connection.execute(update(viewers).where(mine).values(lease)).rowcount:
                of_job = select(func.count()).where(viewers.c.job == job_id)
                if connection.execute(of_job).scalar_one() < MOST_VIEWERS:
                    new = {"job": job_id, "viewer": viewer_id, "since": now}
                    connection.execute(insert(viewers).values(new | lease))
            others = select(viewers).where(viewers.c.job == job_id, viewers.c.viewer != viewer_id)
            rows = connection.execute(others.order_by(viewers.c.since, viewers.c.viewer))
            hidden = _names_hidden(connection, job_id)
            return [Viewer(row.viewer, "" if hidden else row.reader, row.since) for row in rows]

        return self._database.repeat_after_race(transaction)

    def remove(self, project: str, job_id: str, viewer_id: str) -> None:
        """Notes that the page is closed; raises NotFound for an unknown job."""
        with self._database.write() as connection:
            check_job(connection, project, job_id)
            connection.execute(delete(viewers).where(_page(job_id, viewer_id)))


def _names_hidden(connection: Connection, job_id: str) -> bool:
    """Whether readers of the job's second reading must not learn each other's names."""
    query = select(readings.c.show_names, readings.c.state).where(readings.c.job == job_id)
    row = connection.execute(query).one_or_none()
    return row is not None and not row.show_names and row.state != ReadingState.COMPLETE


def _page(job_id: str, viewer_id: str) -> ColumnElement[bool]:
    return (viewers.c.job == job_id) & (viewers.c.viewer == viewer_id)
