"""Workers that are running, as they announce themselves."""

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.repository.database import Database
from jobs.repository.schema.worker_tables import workers

SILENT_S = 20.0
"""A worker that has not announced itself for this long counts as lost."""


class Workers:
    """The running workers of all hosts, of versions that announce themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, worker: AnnouncedWorker) -> None:
        """Stores that the worker is running; to be repeated several times in SILENT_S."""
        row = asdict(worker) | {"queues": list(worker.queues), "seen_at": self._database.now}
        with self._database.write() as connection:
            known = workers.c.name == worker.name
            if not connection.execute(update(workers).where(known).values(row)).rowcount:
                connection.execute(insert(workers).values(row))

    def remove(self, name: str) -> None:
        """The worker has ended."""
        with self._database.write() as connection:
            connection.execute(delete(workers).where(workers.c.name == name))

    def remove_silent(self) -> list[str]:
        """Removes lost workers; returns their names. A worker that wakes up announces itself."""
        silent = workers.c.seen_at < self._database.now - SILENT_S
        with self._database.write() as connection:
            query = delete(workers).where(silent).returning(workers.c.name)
            return list(connection.execute(query).scalars())

    def running(self) -> list[AnnouncedWorker]:
        """All workers that are not lost, the oldest first."""
        with self._database.read() as connection:
            return running_workers(connection, self._database.clock(connection))


def running_workers(connection: Connection, now: float) -> list[AnnouncedWorker]:
    """All workers that are not lost at this time of the database's clock."""
    query = select(workers).where(workers.c.seen_at >= now - SILENT_S)
    rows = connection.execute(query.order_by(workers.c.started_at, workers.c.name)).mappings()
    return [
        AnnouncedWorker(
            **{**row, "queues": tuple(row["queues"]), "state": WorkerState(row["state"])}
        )
        for row in rows
    ]
