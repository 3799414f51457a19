"""Reviews: the readers' verdicts on masks."""

from dataclasses import asdict, replace

from sqlalchemy import insert, select, update

from imaging.errors import Conflict, NotFound
from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import check_job
from jobs.repository.rows import review_of
from jobs.repository.scans import check_scan
from jobs.repository.schema import job_scans, jobs, reviews
from jobs.review import Review


def no_corrected_mask() -> NotFound:
    """The error for a corrected mask that does not exist or belongs to another project."""
    return NotFound(
        "There is no such corrected mask.",
        hint="List the reviews with GET /v1/jobs/{job_id}/reviews.",
    )


class Reviews:
    """The reviews of all projects; the latest verdict is also kept on the job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, project: str, review: Review) -> Review:
        """Stores the review and returns it with the scan on whose grid its mask is.

        A review without a job is a mask drawn by hand on the project's scan. The mask of any
        other review is on the grid of its job's first scan. Raises NotFound, or Conflict if the
        job has no mask.
        """
        with self._database.write() as connection:
            job_id = review.job
            if job_id is None:
                check_scan(connection, project, review.scan, lock=True)
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            done = (
                (jobs.c.id == job_id)
                & (jobs.c.project == project)
                & (jobs.c.state == JobState.SUCCEEDED)
            )
            if connection.execute(update(jobs).where(done).values(verdict=review.verdict)).rowcount:
                if review.mask_sha256 is not None:
                    first = select(job_scans.c.scan).where(
                        job_scans.c.job == job_id, job_scans.c.position == 0
                    )
                    review = replace(review, scan=connection.execute(first).scalar_one())
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            check_job(connection, project, job_id)
        raise Conflict(
            "The job has no mask.",
            expected="A job that has succeeded.",
            hint="Wait until the job has succeeded, then review its mask.",
        )

    def of_job(self, project: str, job_id: str) -> list[Review]:
        """All reviews of the project's job, oldest first; raises NotFound."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            query = select(reviews).where(reviews.c.job == job_id).order_by(reviews.c.seq)
            return [review_of(row) for row in connection.execute(query).mappings()]

    def with_mask(self, project: str, job_id: str, review_id: str) -> Review:
        """The review of the project's job; raises NotFound if it has no corrected mask."""
        for review in self.of_job(project, job_id):
            if review.id == review_id and review.mask_sha256 is not None:
                return review
        raise no_corrected_mask()
