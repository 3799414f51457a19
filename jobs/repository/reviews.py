"""Reviews: the readers' verdicts on masks."""

from dataclasses import asdict, replace

from sqlalchemy import Connection, func, insert, select, update

from imaging.errors import Conflict, Forbidden, NewerReview, NotFound
from jobs.job import JobState
from jobs.repository.database import Database
from jobs.repository.job_rows import check_job
from jobs.repository.rows import review_of
from jobs.repository.scans import check_scan
from jobs.repository.schema import job_scans, jobs, reviews
from jobs.review import WITHDRAWAL_S, Review

_STANDS = reviews.c.withdrawn_at.is_(None)
_LIST_HINT = "List the reviews with GET /v1/jobs/{job_id}/reviews."
_ANOTHER_HINT = "Add another review; the newest one is the verdict."


def no_corrected_mask() -> NotFound:
    """The error for a corrected mask that does not exist or belongs to another project."""
    return NotFound("There is no such corrected mask.", hint=_LIST_HINT)


def update_verdict(connection: Connection, job_id: str) -> None:
    """Sets the job's verdict to that of its newest review that is not withdrawn."""
    newest = select(reviews.c.verdict).where(reviews.c.job == job_id, _STANDS)
    newest = newest.order_by(reviews.c.seq.desc()).limit(1)
    verdict = connection.execute(newest).scalar_one_or_none()
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(verdict=verdict))


class Reviews:
    """The reviews of all projects; the latest verdict is also kept on the job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, project: str, review: Review, seen: str | None = None) -> Review:
        """Stores the review and returns it with the scan on whose grid its mask is.

        A review without a job is a mask drawn by hand on the project's scan. The mask of any
        other review is on the grid of its job's first scan. `seen`: the newest review that the
        caller knows, empty for none; None: the caller does not say.

        Raises NotFound, NewerReview if the job has a review that is newer than `seen`, or Conflict
        if the job has no mask.
        """
        with self._database.write() as connection:
            if review.job is None:
                check_scan(connection, project, review.scan, lock=True)
            else:
                _set_verdict(connection, project, review.job, review.verdict)
                if seen is not None:
                    _check_seen(connection, review.job, seen)
                if review.mask_sha256 is not None:
                    review = replace(review, scan=_grid_scan(connection, review.job))
            connection.execute(insert(reviews).values(asdict(review)))
            return review

    def withdraw(
        self, project: str, job_id: str, review_id: str, reader: str, now: float
    ) -> Review:
        """Marks the review as withdrawn and returns it; the job's verdict is that of the newest
        other review. `reader`: the name of the account that asks; empty without accounts.

        A review that is withdrawn already stays as it is. Raises NotFound, Forbidden for another
        reader's review, or Conflict for one with a corrected mask or older than WITHDRAWAL_S.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            this = (reviews.c.id == review_id) & (reviews.c.job == job_id)
            row = connection.execute(select(reviews).where(this)).mappings().one_or_none()
            if row is None:
                raise NotFound("There is no such review.", hint=_LIST_HINT)
            review = review_of(row)
            if review.withdrawn_at is not None:
                return review
            _check_withdrawal(review, reader, now)
            connection.execute(update(reviews).where(this).values(withdrawn_at=now))
            update_verdict(connection, job_id)
            return replace(review, withdrawn_at=now)

    def of_job(self, project: str, job_id: str) -> list[Review]:
        """All reviews of the project's job, oldest first; raises NotFound."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            query = select(reviews).where(reviews.c.job == job_id).order_by(reviews.c.seq)
            return [review_of(row) for row in connection.execute(query).mappings()]

    def with_results(self, project: str, job_id: str, review_id: str) -> Review:
        """The review of the project's job; raises NotFound if it has neither a corrected mask nor
        measurements."""
        for review in self.of_job(project, job_id):
            if review.id == review_id and (review.mask_sha256 or review.measurements):
                return review
        raise NotFound(
            "There is no such review with a corrected mask or with measurements.", hint=_LIST_HINT
        )

    def with_mask(self, project: str, job_id: str, review_id: str) -> Review:
        """The review of the project's job; raises NotFound if it has no corrected mask."""
        for review in self.of_job(project, job_id):
            if review.id == review_id and review.mask_sha256 is not None:
                return review
        raise no_corrected_mask()


def _set_verdict(connection: Connection, project: str, job_id: str, verdict: str) -> None:
    """Sets the job's verdict, which locks its row against other reviews."""
    done = (
        (jobs.c.id == job_id) & (jobs.c.project == project) & (jobs.c.state == JobState.SUCCEEDED)
    )
    if not connection.execute(update(jobs).where(done).values(verdict=verdict)).rowcount:
        check_job(connection, project, job_id)
        raise Conflict(
            "The job has no mask.",
            expected="A job that has succeeded.",
            hint="Wait until the job has succeeded, then review its mask.",
        )


def _check_seen(connection: Connection, job_id: str, seen: str) -> None:
    """Raises NewerReview if a review that stands is newer than the one that the caller knows."""
    known = select(reviews.c.seq).where(reviews.c.id == seen, reviews.c.job == job_id)
    newer = select(reviews.c.id).where(
        reviews.c.job == job_id,
        _STANDS,
        reviews.c.seq > func.coalesce(known.scalar_subquery(), 0),
    )
    if connection.execute(newer.limit(1)).first() is not None:
        raise NewerReview(
            "The mask has a review that you have not seen. Yours was not saved.",
            expected="The id of the newest review in `seen`.",
            hint=_LIST_HINT,
        )


def _grid_scan(connection: Connection, job_id: str) -> str:
    query = select(job_scans.c.scan).where(job_scans.c.job == job_id, job_scans.c.position == 0)
    return str(connection.execute(query).scalar_one())


def _check_withdrawal(review: Review, reader: str, now: float) -> None:
    if reader and review.reviewer != reader:
        raise Forbidden(
            "The review is another reader's.",
            expected="A review of your own.",
            hint=_ANOTHER_HINT,
        )
    if review.mask_sha256 is not None:
        raise Conflict(
            "The review has a corrected mask.",
            expected="A review that accepts or rejects a mask.",
            hint=_ANOTHER_HINT,
        )
    if now - review.created_at > WITHDRAWAL_S:
        raise Conflict(
            f"The review is older than {WITHDRAWAL_S / 60:.0f} minutes.",
            expected="A review that was just added.",
            hint=_ANOTHER_HINT,
        )
