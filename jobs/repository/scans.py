"""Uploaded scans: stored once per project and content."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from imaging.errors import Conflict, NotFound
from jobs.job import JobState
from jobs.repository.client_info import merged_info
from jobs.repository.database import Database
from jobs.repository.job_deletion import delete_jobs, lock_ended
from jobs.repository.legal_holds import check_not_held, holds_on
from jobs.repository.pages import newest_first
from jobs.repository.quotas import check_storage
from jobs.repository.references import unreferenced
from jobs.repository.rows import scan_of
from jobs.repository.schema.job_tables import job_scans, jobs
from jobs.repository.schema.review_tables import reviews
from jobs.repository.schema.scan_tables import image_names, scans
from jobs.retention.hold import Hold
from jobs.stored_scan import StoredScan


def no_scan() -> NotFound:
    """The error for a scan that does not exist or belongs to another project."""
    return NotFound("There is no such scan.", hint="List the scans with GET /v1/scans.")


class SeriesChanged(Conflict):
    """Another scan of the same series was stored during the request."""


@dataclass(frozen=True, slots=True)
class ScanUses:
    """What refers to a scan and is deleted with it."""

    jobs: int
    unfinished: int
    """Jobs among them that are queued or running; the scan cannot be deleted meanwhile."""
    reviews: int
    holds: tuple[Hold, ...] = ()
    """Legal holds that cover it; it cannot be deleted until they are lifted."""


class Scans:
    """The scans of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, scan: StoredScan, compared: Collection[str] | None = None
    ) -> tuple[StoredScan, bool]:
        """Stores the scan and returns it with True.

        If the project already has a scan with the same content, returns that one with False.
        `compared` are the ids of the scans of the same images, all of which differ from this one.
        Raises SeriesChanged if another scan of them has been stored since, StorageLimitReached if
        the project may not store more.
        """
        try:
            with self._database.write() as connection:
                if compared is not None:
                    self._database.lock(connection, f"series {scan.project} {scan.series}")
                earlier = _same_content(connection, scan)
                if earlier is not None:
                    return earlier, False
                if compared is not None:
                    _check_compared(connection, scan, set(compared))
                check_storage(self._database, connection, scan.project, scan.bytes)
                connection.execute(insert(scans).values(asdict(scan)))
                return scan, True
        except IntegrityError:  # PostgreSQL: another transaction was first
            with self._database.read() as connection:
                earlier = _same_content(connection, scan)
            if earlier is None:
                raise
            return earlier, False

    def get(self, project: str, scan_id: str) -> StoredScan:
        """The project's scan; raises NotFound."""
        with self._database.read() as connection:
            query = select(scans).where(scans.c.project == project, scans.c.id == scan_id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_scan()
        return scan_of(row)

    def of_images(self, project: str, series: str, images: str) -> list[StoredScan]:
        """The project's scans of the same images of a series, oldest first.

        Scans of an earlier version, which have no checksum of their images, are among them.
        """
        with self._database.read() as connection:
            return _of_images(connection, project, series, images)

    def of_series(self, project: str, series: Collection[str]) -> list[StoredScan]:
        """The project's scans of these DICOM series, newest first."""
        with self._database.read() as connection:
            query = select(scans).where(scans.c.project == project, scans.c.series.in_(series))
            rows = connection.execute(query.order_by(scans.c.seq.desc())).mappings()
            return [scan_of(row) for row in rows]

    def series_count(self, scan: StoredScan) -> int:
        """How many scans of the project are of this scan's DICOM series; 1 without a series."""
        return len(self.of_series(scan.project, [scan.series])) if scan.series else 1

    def shapes(self, scan_ids: Collection[str]) -> dict[str, tuple[int, ...]]:
        """Scan id -> shape, for scans that the caller is known to have access to."""
        with self._database.read() as connection:
            query = select(scans.c.id, scans.c.shape).where(scans.c.id.in_(scan_ids))
            return {row.id: tuple(row.shape) for row in connection.execute(query)}

    def page(
        self, project: str, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[StoredScan], str | None]:
        """A page of the project's scans, newest first, and the cursor of the next page."""
        with self._database.read() as connection:
            query = select(scans).where(scans.c.project == project)
            rows, next_cursor = newest_first(connection, query, scans, cursor, limit)
        return [scan_of(row) for row in rows], next_cursor

    def info(self, project: str, scan_id: str) -> dict[str, Any]:
        """The client's own data about the project's scan; raises NotFound."""
        with self._database.read() as connection:
            query = select(scans.c.info).where(scans.c.project == project, scans.c.id == scan_id)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_scan()
        return dict(row.info or {})

    def add_info(self, project: str, scan_id: str, info: Mapping[str, Any]) -> None:
        """Adds to the client's own data about the project's scan, as `merged_info`; raises
        NotFound."""
        mine = (scans.c.project == project) & (scans.c.id == scan_id)
        with self._database.write() as connection:
            stored = connection.execute(select(scans.c.info).where(mine).with_for_update())
            if (row := stored.one_or_none()) is None:
                raise no_scan()
            values = {"info": merged_info(row.info, info)}
            connection.execute(update(scans).where(mine).values(values))

    def keep(self, project: str, scan_ids: Collection[str]) -> None:
        """The project's scans stay when the sessions end in which they came."""
        mine = (image_names.c.project == project) & image_names.c.scan.in_(scan_ids)
        with self._database.write() as connection:
            query = update(image_names).where(mine, image_names.c.owns_scan)
            connection.execute(query.values(owns_scan=False))

    def uses(self, project: str, scan_id: str) -> ScanUses:
        """What would be deleted with the project's scan; raises NotFound."""
        users = select(job_scans.c.job).where(job_scans.c.scan == scan_id)
        states = select(jobs.c.state, func.count()).where(jobs.c.id.in_(users))
        about = or_(reviews.c.scan == scan_id, reviews.c.job.in_(users))
        with self._database.read() as connection:
            check_scan(connection, project, scan_id)
            rows = connection.execute(states.group_by(jobs.c.state))
            counts = {JobState(state): int(number) for state, number in rows}
            judged = connection.execute(select(func.count()).select_from(reviews).where(about))
            unfinished = sum(number for state, number in counts.items() if not state.final)
            holds = holds_on(connection, project, [scan_id])
            return ScanUses(sum(counts.values()), unfinished, judged.scalar_one(), holds)

    def delete(self, project: str, scan_id: str) -> list[str]:
        """Deletes the scan with its jobs, reviews and names; returns the unreferenced blobs.

        Raises NotFound, LegalHold, or Conflict while a job that uses the scan is queued or running.
        """
        with self._database.write() as connection:
            return delete_scan(self._database, connection, project, scan_id)


def delete_scan(
    database: Database, connection: Connection, project: str, scan_id: str
) -> list[str]:
    """As `Scans.delete`, in the caller's transaction."""
    check_not_held(database, connection, project, [scan_id])
    # This lock blocks new jobs that use the scan: their foreign key needs the row.
    query = select(scans.c.sha256).where(scans.c.project == project, scans.c.id == scan_id)
    sha256 = connection.execute(query.with_for_update()).scalar_one_or_none()
    if sha256 is None:
        raise no_scan()
    jobs_of_scan = lock_ended(connection, [scan_id])
    partners = select(job_scans.c.scan).where(
        job_scans.c.job.in_([row["id"] for row in jobs_of_scan])
    )
    check_not_held(database, connection, project, connection.execute(partners).scalars().all())
    blobs = {sha256} | delete_jobs(connection, jobs_of_scan)
    obsolete = delete(reviews).where(reviews.c.scan == scan_id).returning(reviews.c.mask_sha256)
    blobs |= set(connection.execute(obsolete).scalars())
    connection.execute(delete(image_names).where(image_names.c.scan == scan_id))
    connection.execute(delete(scans).where(scans.c.id == scan_id))
    return unreferenced(connection, {blob for blob in blobs if blob is not None})


def check_scan(
    connection: Connection, project: str, scan_id: str | None, *, lock: bool = False
) -> None:
    """Raises NotFound unless the scan is this project's; `lock` prevents its deletion."""
    query = select(scans.c.id).where(scans.c.project == project, scans.c.id == scan_id)
    if lock:
        query = query.with_for_update(read=True, key_share=True)
    if connection.execute(query).first() is None:
        raise no_scan()


def _same_content(connection: Connection, scan: StoredScan) -> StoredScan | None:
    query = select(scans).where(scans.c.project == scan.project, scans.c.sha256 == scan.sha256)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else scan_of(row)


def _of_images(
    connection: Connection, project: str, series: str | None, images: str | None
) -> list[StoredScan]:
    same = or_(scans.c.images == images, scans.c.images.is_(None))
    query = select(scans).where(scans.c.project == project, scans.c.series == series, same)
    rows = connection.execute(query.order_by(scans.c.seq)).mappings()
    return [scan_of(row) for row in rows]


def _check_compared(connection: Connection, scan: StoredScan, compared: set[str]) -> None:
    stored = {one.id for one in _of_images(connection, scan.project, scan.series, scan.images)}
    if not stored <= compared:
        raise SeriesChanged(
            "Another scan of the same series was stored during the request.",
            hint="Send the request again.",
        )
