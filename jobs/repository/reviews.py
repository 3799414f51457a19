"""What readers said of masks."""

from dataclasses import asdict

from sqlalchemy import insert, select, update

from imaging.errors import Conflict
from jobs.job import JobState, Review
from jobs.repository.ask import no_job
from jobs.repository.database import Database
from jobs.repository.schema import jobs, review_of, reviews


class ReviewRows(Database):
    """Reviews, and the latest verdict on the job itself."""

    def add_review(self, owner: str, review: Review) -> Review:
        """Stores it; raises NotFound, or Conflict where the job has no mask to look at."""
        with self._write() as connection:
            mine = (jobs.c.id == review.job) & (jobs.c.owner == owner)
            done = mine & (jobs.c.state == JobState.SUCCEEDED)
            if connection.execute(update(jobs).where(done).values(verdict=review.verdict)).rowcount:
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            if connection.execute(select(jobs.c.id).where(mine)).one_or_none() is None:
                raise no_job()
        raise Conflict(
            "The job has no mask yet.",
            expected="A job that succeeded.",
            todo="Wait until it is done, then review it.",
        )

    def reviews(self, owner: str, job_id: str) -> list[Review]:
        """All reviews of the owner's job, oldest first; raises NotFound."""
        with self._read() as connection:
            mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner)
            if connection.execute(mine).one_or_none() is None:
                raise no_job()
            query = select(reviews).where(reviews.c.job == job_id).order_by(reviews.c.seq)
            return [review_of(row) for row in connection.execute(query).mappings()]
