"""Which blobs the rows refer to."""

from collections.abc import Collection

from sqlalchemy import Connection, select, union

from jobs.repository.database import Database
from jobs.repository.schema import drafts, jobs, reviews, scans, trainings

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


def unreferenced(connection: Connection, blobs: set[str]) -> list[str]:
    """Those of these blobs that no row refers to, sorted; part of the caller's transaction."""
    used = union(*(select(column).where(column.in_(blobs)) for column in _COLUMNS))
    return sorted(blobs - set(connection.execute(used).scalars()))
