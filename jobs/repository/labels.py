"""Labels, as MONAI Label calls them: the corrected masks of a scan, each with a tag."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, distinct, func, select, update

from jobs.repository.database import Database
from jobs.repository.references import unreferenced
from jobs.repository.reviews import no_corrected_mask, update_verdict
from jobs.repository.rows import review_of, scan_of
from jobs.repository.scans import check_scan
from jobs.repository.schema import reviews, scans
from jobs.review import Review
from jobs.stored_scan import StoredScan

FINAL = "final"
"""The tag of a mask that a reader has completed."""


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Numbers of scans: in total, with a final label, and with a label of each tag."""

    total: int
    completed: int
    tags: Mapping[str, int]


class Labels:
    """Corrected masks by scan and tag; each is stored as a review."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, scan_ids: Collection[str]) -> list[Review]:
        """The newest label of each tag, for scans that the caller is known to have access to."""
        latest = select(func.max(reviews.c.seq)).where(
            reviews.c.scan.in_(scan_ids), reviews.c.mask_sha256.is_not(None)
        )
        latest = latest.group_by(reviews.c.scan, reviews.c.tag)
        query = select(reviews).where(reviews.c.seq.in_(latest)).order_by(reviews.c.seq)
        with self._database.read() as connection:
            return [review_of(row) for row in connection.execute(query).mappings()]

    def get(self, project: str, scan_id: str, tag: str) -> Review:
        """The newest label of the project's scan with this tag; raises NotFound."""
        with self._database.read() as connection:
            check_scan(connection, project, scan_id)
        for label in self.newest([scan_id]):
            if label.tag == tag:
                return label
        raise no_corrected_mask()

    def set_info(self, review_id: str, info: Mapping[str, Any]) -> None:
        """Replaces the client's own data about a label."""
        with self._database.write() as connection:
            query = update(reviews).where(reviews.c.id == review_id)
            connection.execute(query.values(info=dict(info)))

    def delete(self, project: str, scan_id: str, tag: str) -> list[str]:
        """Deletes all labels of the project's scan with this tag; returns unreferenced blobs.

        Each job's verdict becomes that of its latest remaining review. Raises NotFound.
        """
        with self._database.write() as connection:
            check_scan(connection, project, scan_id, lock=True)
            these = (reviews.c.scan == scan_id) & (reviews.c.tag == tag)
            query = delete(reviews).where(these)
            rows = connection.execute(query.returning(reviews.c.job, reviews.c.mask_sha256)).all()
            if not rows:
                raise no_corrected_mask()
            for job_id in {row.job for row in rows} - {None}:
                update_verdict(connection, job_id)
            return unreferenced(connection, {row.mask_sha256 for row in rows} - {None})

    def counts(self, project: str) -> LabelCounts:
        """How many of the project's scans have labels."""
        total = select(func.count()).select_from(scans).where(scans.c.project == project)
        tagged = select(reviews.c.tag, func.count(distinct(reviews.c.scan)))
        tagged = tagged.join(scans, scans.c.id == reviews.c.scan)
        tagged = tagged.where(scans.c.project == project, reviews.c.tag.is_not(None))
        with self._database.read() as connection:
            rows = connection.execute(tagged.group_by(reviews.c.tag))
            tags = {tag: int(n) for tag, n in rows}
            return LabelCounts(connection.execute(total).scalar_one(), tags.get(FINAL, 0), tags)

    def next_scan(self, project: str, *, at_random: bool) -> StoredScan | None:
        """A scan without a final label: the oldest, or any; None if all scans have one."""
        done = select(reviews.c.scan).where(reviews.c.tag == FINAL, reviews.c.scan == scans.c.id)
        query = select(scans).where(scans.c.project == project, ~done.exists())
        query = query.order_by(func.random() if at_random else scans.c.seq).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else scan_of(row)
