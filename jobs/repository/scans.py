"""Scans: stored once per project and content."""

from collections.abc import Collection, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, or_, select, union
from sqlalchemy.exc import IntegrityError

from imaging.errors import Conflict, NotFound
from jobs.job import JobState, StoredScan
from jobs.repository.database import Database
from jobs.repository.page import newest_first
from jobs.repository.schema import (
    brief,
    deliveries,
    image_names,
    job_scans,
    jobs,
    reviews,
    scan_of,
    scans,
)


def no_scan() -> NotFound:
    """The same answer for a scan that is not there and one that is somebody else's."""
    return NotFound("There is no such scan.", hint="See GET /v1/scans.")


class ScanRows(Database):
    """The scans that somebody uploaded."""

    def add_scan(self, scan: StoredScan) -> tuple[StoredScan, bool]:
        """Stores it; the same content by the same project gives the earlier one, and False."""
        try:
            with self._write() as connection:
                earlier = self._same_scan(connection, scan)
                if earlier is not None:
                    return earlier, False
                connection.execute(insert(scans).values(asdict(scan)))
                return scan, True
        except IntegrityError:  # PostgreSQL: another transaction was first
            with self._read() as connection:
                earlier = self._same_scan(connection, scan)
            if earlier is None:
                raise
            return earlier, False

    def _same_scan(self, connection: Connection, scan: StoredScan) -> StoredScan | None:
        query = select(scans).where(scans.c.project == scan.project, scans.c.sha256 == scan.sha256)
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else scan_of(row)

    def scan(self, project: str, id: str) -> StoredScan:  # noqa: A002 - the word on the wire
        """The project's scan; raises NotFound."""
        with self._read() as connection:
            query = select(scans).where(scans.c.project == project, scans.c.id == id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_scan()
        return scan_of(row)

    def scan_names(self, ids: Collection[str]) -> dict[str, str]:
        """What the scans with these ids, of jobs that the caller may see, are called."""
        with self._read() as connection:
            query = select(scans.c.id, scans.c.name).where(scans.c.id.in_(ids))
            return {row.id: row.name for row in connection.execute(query)}

    def scans(
        self, project: str, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[StoredScan], str | None]:
        """A page of the project's scans, newest first, and the next page's cursor."""
        with self._read() as connection:
            query = select(scans).where(scans.c.project == project)
            rows, following = newest_first(connection, query, scans, cursor, limit)
        return [scan_of(row) for row in rows], following

    def delete_scan(self, project: str, id: str) -> list[str]:  # noqa: A002
        """Deletes it with the finished jobs that used it; raises Conflict while one is not.

        Returns the blobs that nothing refers to any more.
        """
        with self._write() as connection:
            # The row's lock keeps jobs that would use the scan waiting: their foreign key needs it.
            found = select(scans.c.sha256).where(scans.c.project == project, scans.c.id == id)
            sha256 = connection.execute(found.with_for_update()).scalar_one_or_none()
            if sha256 is None:
                raise no_scan()
            users = select(job_scans.c.job).where(job_scans.c.scan == id)
            query = select(*brief).where(jobs.c.id.in_(users)).with_for_update()
            rows = connection.execute(query).mappings().all()
            if any(not JobState(row["state"]).final for row in rows):
                raise Conflict(
                    "A job that waits or runs uses this scan.",
                    expected="Only finished jobs may use a scan that is deleted.",
                    hint="Cancel the job or wait for it, then delete the scan.",
                )
            left = {row[name] for row in rows for name in ("mask_sha256", "preview_sha256")}
            left |= self._delete_reviews(connection, id, [row["id"] for row in rows])
            self._delete_jobs(connection, [row["id"] for row in rows])
            connection.execute(delete(image_names).where(image_names.c.scan == id))
            connection.execute(delete(scans).where(scans.c.id == id))
            return self._orphans(connection, {sha256, *left} - {None})

    def unused(self, blobs: Collection[str]) -> list[str]:
        """Those of these blobs, a few thousand at most, that nothing refers to."""
        with self._read() as connection:
            return self._orphans(connection, set(blobs))

    def _delete_reviews(
        self, connection: Connection, scan: str, job_ids: Sequence[str]
    ) -> set[str | None]:
        """Those of the scan and of its jobs; the masks that they held."""
        gone = delete(reviews).where(or_(reviews.c.scan == scan, reviews.c.job.in_(job_ids)))
        return set(connection.execute(gone.returning(reviews.c.mask_sha256)).scalars())

    def _delete_jobs(self, connection: Connection, ids: Sequence[str]) -> None:
        for table in (deliveries, job_scans):
            connection.execute(delete(table).where(table.c.job.in_(ids)))
        connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))

    def _orphans(self, connection: Connection, blobs: set[str]) -> list[str]:
        columns = (
            scans.c.sha256,
            jobs.c.mask_sha256,
            jobs.c.preview_sha256,
            reviews.c.mask_sha256,
        )
        used = union(*(select(column).where(column.in_(blobs)) for column in columns))
        return sorted(blobs - set(connection.execute(used).scalars()))
