"""Which blobs the rows refer to."""

from collections.abc import Collection

from sqlalchemy import Connection, Table, select, union

from jobs.repository.database import Database
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import drafts, reviews
from jobs.repository.schema.scan_tables import scans
from jobs.repository.schema.worker_tables import trainings

_COLUMNS = (
    scans.c.sha256,
    jobs.c.mask_sha256,
    jobs.c.preview_sha256,
    reviews.c.mask_sha256,
    drafts.c.mask_sha256,
    trainings.c.model_blob,
)


class References:
    """References from rows of scans, jobs, reviews, drafts and trainings to blobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unused(self, blobs: Collection[str]) -> list[str]:
        """Those of these blobs (a few thousand at most) that no row refers to, sorted."""
        with self._database.read() as connection:
            return unreferenced(connection, set(blobs))


def referenced(connection: Connection, tables: Collection[Table]) -> list[str]:
    """The blobs that rows of these tables refer to, sorted; part of the caller's transaction.

    `tables`: as they are in the database, which may be of an earlier version.
    """
    columns = {
        column
        for table in tables
        for column in table.c
        for known in _COLUMNS
        if (table.name, column.name) == (known.table.name, known.name)
    }
    if not columns:
        return []
    used = union(*(select(column).where(column.is_not(None)) for column in columns))
    return sorted(connection.execute(used).scalars())


def unreferenced(connection: Connection, blobs: set[str]) -> list[str]:
    """Those of these blobs that no row refers to, sorted; part of the caller's transaction."""
    used = union(*(select(column).where(column.in_(blobs)) for column in _COLUMNS))
    return sorted(blobs - set(connection.execute(used).scalars()))
