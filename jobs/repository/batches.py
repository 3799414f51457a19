"""Batches: jobs that were requested together."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, func, insert, select

from imaging.errors import NotFound
from jobs.batch import Batch
from jobs.job import Job, JobState
from jobs.repository.database import Database
from jobs.repository.idempotency import digest, earlier_row, job_digest
from jobs.repository.job_rows import insert_jobs
from jobs.repository.quotas import check_order
from jobs.repository.rows import Row
from jobs.repository.schema.job_tables import batches, jobs


class Batches:
    """The batches of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, batch: Batch, members: Sequence[Job], idempotency_key: str | None = None
    ) -> tuple[Batch, bool]:
        """Stores the batch and all its jobs, or nothing; keys and errors as for `Jobs.add`."""
        request = digest([batch.name, [job_digest(job) for job in members]])

        def transaction(connection: Connection) -> tuple[Batch, bool]:
            earlier = earlier_row(connection, batches, batch.project, idempotency_key, request)
            if earlier is not None:
                return _read(connection, earlier), False
            row = {name: getattr(batch, name) for name in ("id", "project", "name", "created_at")}
            row |= {"idempotency_key": idempotency_key, "request": request}
            connection.execute(insert(batches).values(row))
            check_order(self._database, connection, batch.project, len(members))
            insert_jobs(connection, [replace(job, batch=batch.id) for job in members])
            query = select(batches).where(batches.c.id == batch.id)
            return _read(connection, connection.execute(query).mappings().one()), True

        return self._database.repeat_after_race(transaction)

    def get(self, project: str, batch_id: str) -> Batch:
        """The project's batch with its jobs, in the requested order, and their states."""
        with self._database.read() as connection:
            query = select(batches).where(batches.c.project == project, batches.c.id == batch_id)
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                raise NotFound(
                    "There is no such batch.",
                    hint="Use the id from the response to POST /v1/batches.",
                )
            return _read(connection, row)

    def latest(self, project: str, name: str) -> str | None:
        """Id of the project's newest batch with this name, None if there is none."""
        query = select(batches.c.id).where(batches.c.project == project, batches.c.name == name)
        with self._database.read() as connection:
            query = query.order_by(batches.c.seq.desc()).limit(1)
            return connection.execute(query).scalar_one_or_none()


def _read(connection: Connection, row: Row) -> Batch:
    own = and_(jobs.c.project == row["project"], jobs.c.batch == row["id"])
    members = select(jobs.c.id).where(own).order_by(jobs.c.seq)
    states = select(jobs.c.state, func.count()).where(own)
    states = states.group_by(jobs.c.state)
    return Batch(
        id=row["id"],
        project=row["project"],
        name=row["name"],
        created_at=row["created_at"],
        jobs=tuple(connection.execute(members).scalars()),
        states={JobState(state): count for state, count in connection.execute(states)},
    )
