"""What readers said of masks, and the masks that they drew instead."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from imaging.errors import Conflict, NotFound
from jobs.job import JobState, Review
from jobs.repository.ask import no_job
from jobs.repository.scans import ScanRows, no_scan
from jobs.repository.schema import job_scans, jobs, review_of, reviews, scans


def no_label() -> NotFound:
    """The same answer for a corrected mask that is not there and one that is somebody else's."""
    return NotFound("There is no such corrected mask.", hint="See the reviews of the scan's jobs.")


class ReviewRows(ScanRows):
    """Reviews, and the latest verdict on the job itself."""

    def add_review(self, project: str, review: Review) -> Review:
        """Stores it; raises NotFound, or Conflict where the job has no mask to look at.

        One without a job is a mask drawn by hand on the project's scan. The mask of any other lies
        on the grid of its job's first scan.
        """
        with self._write() as connection:
            if review.job is None:
                self._check_scan(connection, project, review.scan)
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            mine = (jobs.c.id == review.job) & (jobs.c.project == project)
            done = mine & (jobs.c.state == JobState.SUCCEEDED)
            if connection.execute(update(jobs).where(done).values(verdict=review.verdict)).rowcount:
                first = select(job_scans.c.scan).where(
                    job_scans.c.job == review.job, job_scans.c.position == 0
                )
                if review.mask_sha256 is not None:
                    review = replace(review, scan=connection.execute(first).scalar_one())
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            if connection.execute(select(jobs.c.id).where(mine)).one_or_none() is None:
                raise no_job()
        raise Conflict(
            "The job has no mask yet.",
            expected="A job that succeeded.",
            hint="Wait until it is done, then review it.",
        )

    def reviews(self, project: str, job_id: str) -> list[Review]:
        """All reviews of the project's job, oldest first; raises NotFound."""
        with self._read() as connection:
            mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.project == project)
            if connection.execute(mine).one_or_none() is None:
                raise no_job()
            query = select(reviews).where(reviews.c.job == job_id).order_by(reviews.c.seq)
            return [review_of(row) for row in connection.execute(query).mappings()]

    def corrected(self, project: str, job_id: str, review_id: str) -> Review:
        """The review of the project's job, with its corrected mask; raises NotFound without one."""
        for review in self.reviews(project, job_id):
            if review.id == review_id and review.mask_sha256 is not None:
                return review
        raise no_label()

    def labels(self, scan_ids: Collection[str]) -> list[Review]:
        """The newest corrected mask for each tag of these scans, which the caller may see."""
        newest = select(func.max(reviews.c.seq)).where(
            reviews.c.scan.in_(scan_ids), reviews.c.mask_sha256.is_not(None)
        )
        newest = newest.group_by(reviews.c.scan, reviews.c.tag)
        query = select(reviews).where(reviews.c.seq.in_(newest)).order_by(reviews.c.seq)
        with self._read() as connection:
            return [review_of(row) for row in connection.execute(query).mappings()]

    def label(self, project: str, scan_id: str, tag: str) -> Review:
        """The newest corrected mask of the project's scan with this tag; raises NotFound."""
        self.scan(project, scan_id)
        for label in self.labels([scan_id]):
            if label.tag == tag:
                return label
        raise no_label()

    def note_label(self, review_id: str, info: Mapping[str, Any]) -> None:
        """Replaces what is kept with a corrected mask."""
        with self._write() as connection:
            query = update(reviews).where(reviews.c.id == review_id)
            connection.execute(query.values(info=dict(info)))

    def delete_label(self, project: str, scan_id: str, tag: str) -> list[str]:
        """Deletes all corrected masks of the project's scan with this tag, and what they said.

        The job's verdict is that of the review before. Returns the blobs that nothing refers to
        any more; raises NotFound.
        """
        with self._write() as connection:
            self._check_scan(connection, project, scan_id)
            these = (reviews.c.scan == scan_id) & (reviews.c.tag == tag)
            gone = delete(reviews).where(these)
            rows = connection.execute(gone.returning(reviews.c.job, reviews.c.mask_sha256)).all()
            if not rows:
                raise no_label()
            for job_id in {row.job for row in rows} - {None}:
                last = select(reviews.c.verdict).where(reviews.c.job == job_id)
                last = last.order_by(reviews.c.seq.desc()).limit(1)
                verdict = connection.execute(last).scalar_one_or_none()
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(verdict=verdict))
            return self._orphans(connection, {row.mask_sha256 for row in rows} - {None})

    def _check_scan(self, connection: Connection, project: str, scan_id: str | None) -> None:
        mine = select(scans.c.id).where(scans.c.project == project, scans.c.id == scan_id)
        if connection.execute(mine.with_for_update(read=True, key_share=True)).first() is None:
            raise no_scan()
