"""Reviews: the readers' verdicts on masks."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, insert, select, update

from imaging.errors import Conflict, Forbidden, NewerReview, NotFound
from jobs.draft import DraftState
from jobs.repository.database import Database
from jobs.repository.draft_rows import close_draft, pass_over_draft
from jobs.repository.due_times import check_job_not_held
from jobs.repository.job_rows import check_job, lock_succeeded
from jobs.repository.reading_rows import reading_of, reviews_of, shown
from jobs.repository.scans import check_scan
from jobs.repository.schema.job_tables import job_scans
from jobs.repository.schema.review_tables import reviews
from jobs.repository.verdicts import update_verdict, with_role
from jobs.review import WITHDRAWAL_S, Review, Role
from jobs.second_reading import SecondReading, reader_key

_LIST_HINT = "List the reviews with GET /v1/jobs/{job_id}/reviews."
_ANOTHER_HINT = "Add another review; the newest one is the verdict."


def no_corrected_mask() -> NotFound:
    """The error for a corrected mask that does not exist or belongs to another project."""
    return NotFound("There is no such corrected mask.", hint=_LIST_HINT)


class Reviews:
    """The reviews of all projects; the latest verdict is also kept on the job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        project: str,
        review: Review,
        seen: str | None = None,
        mask_of: str | None = None,
        draft: DraftState | None = None,
        discards: str | None = None,
    ) -> Review:
        """Stores the review and returns it with the scan on whose grid its mask is.

        A review without a job is a mask drawn by hand on the project's scan. The mask of any
        other review is on the grid of its job's first scan. `seen`: the newest review that the
        caller knows, empty for none; None: the caller does not say. `mask_of`: another review of
        the job, whose corrected mask becomes that of this one; in a second reading, only that of an
        adjudication. `draft`: what the corrected mask was made of; it is deleted.
        `discards`: the reader's draft that is deleted, empty if the reader has none; None: a draft
        stays.

        In a second reading, the review gets a role, and reviews that its reader may not see are
        none for `seen`.

        Raises NotFound, NewerReview if the job has a review that is newer than `seen`, Conflict
        if the job has no mask, DraftChanged if the draft is not as given, DraftOpen if the reader
        has a draft with changes other than `discards`, LegalHold for one that must stay, and what
        `with_role` raises.
        """
        with self._database.write() as connection:
            if review.job is None:
                check_scan(connection, project, review.scan, lock=True)
                connection.execute(insert(reviews).values(asdict(review)))
                return review
            job_id = review.job
            lock_succeeded(connection, project, job_id)
            reading, known = reading_of(connection, job_id), reviews_of(connection, job_id)
            review = with_role(reading, known, review)
            if seen is not None and review.role is not Role.SURPLUS:
                _check_seen(shown(reading, known, review.reviewer), seen)
            if mask_of is not None:
                others = known if reading is None or review.role is Role.ADJUDICATION else []
                review = _with_mask_of(review, mask_of, others)
            if draft is not None:
                close_draft(connection, job_id, draft)
            if discards is not None:
                self._discard_draft(connection, project, job_id, review.reviewer, discards)
            if review.mask_sha256 is not None:
                review = replace(review, scan=_grid_scan(connection, job_id))
            connection.execute(insert(reviews).values(asdict(review)))
            update_verdict(connection, job_id)
            return review

    def _discard_draft(
        self, connection: Connection, project: str, job_id: str, reader: str, draft_id: str
    ) -> None:
        """As `pass_over_draft`; raises LegalHold for a draft that must stay."""
        if pass_over_draft(connection, job_id, reader, draft_id):
            check_job_not_held(self._database, connection, project, job_id)

    def withdraw(
        self,
        project: str,
        job_id: str,
        review_id: str,
        reader: str,
        now: float,
    ) -> Review:
        """Marks the review as withdrawn and returns it; the job's verdict is that of the newest
        other review, or what its second reading says.

        `reader`: the name of who asks; empty if it is not known.

        A review that is withdrawn already stays as it is. Raises NotFound, Forbidden for another
        reader's review, or Conflict for one with a corrected mask that no other review has, older
        than WITHDRAWAL_S, or after an adjudication.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            reading, known = reading_of(connection, job_id), reviews_of(connection, job_id)
            review = _review_named(known, review_id)
            seen = shown(reading, [review], reader)
            if not seen:
                raise _no_review()
            if review.withdrawn_at is not None:
                return seen[0]
            _check_owner(review, reader, named=reading is not None)
            _check_withdrawal(review, known, now)
            _check_not_decided(reading, review, known)
            this = reviews.c.id == review.id
            connection.execute(update(reviews).where(this).values(withdrawn_at=now))
            update_verdict(connection, job_id)
            return replace(review, withdrawn_at=now)

    def of_job(self, project: str, job_id: str, reader: str | None = "") -> list[Review]:
        """The reviews of the project's job that a reader may see, oldest first; raises NotFound.

        `reader`: the name of who asks, empty if it is not known; None: Tessera itself, which sees
        all. Without a second reading, everybody sees all.
        """
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            return shown(reading_of(connection, job_id), reviews_of(connection, job_id), reader)

    def with_results(
        self, project: str, job_id: str, review_id: str, reader: str | None = ""
    ) -> Review:
        """The review of the project's job, for a reader as in `of_job`; raises NotFound if it has
        neither a corrected mask nor measurements, or the reader may not see it."""
        for review in self.of_job(project, job_id, reader):
            if review.id == review_id and (review.mask_sha256 or review.measurements):
                return review
        raise NotFound(
            "There is no such review with a corrected mask or with measurements.", hint=_LIST_HINT
        )

    def with_mask(
        self, project: str, job_id: str, review_id: str, reader: str | None = ""
    ) -> Review:
        """The review of the project's job, for a reader as in `of_job`; raises NotFound if it has
        no corrected mask or the reader may not see it."""
        for review in self.of_job(project, job_id, reader):
            if review.id == review_id and review.mask_sha256 is not None:
                return review
        raise no_corrected_mask()


def _check_seen(known: Sequence[Review], seen: str) -> None:
    """Raises NewerReview if a review that stands is newer than the one that the caller knows."""
    ids = [one.id for one in known]
    newer = known[ids.index(seen) + 1 :] if seen in ids else known
    if any(one.withdrawn_at is None for one in newer):
        raise NewerReview(
            "The mask has a review that you have not seen. Yours was not saved.",
            expected="The id of the newest review in `seen`.",
            hint=_LIST_HINT,
        )


def _with_mask_of(review: Review, mask_of: str, known: Sequence[Review]) -> Review:
    """The review with the corrected mask of another one of the same job; raises NotFound."""
    for one in known:
        if one.id == mask_of and one.mask_sha256 is not None:
            copied = ("mask_sha256", "mask_format", "tag", "info")
            return replace(review, **{name: getattr(one, name) for name in copied})
    raise no_corrected_mask()


def _grid_scan(connection: Connection, job_id: str) -> str:
    query = select(job_scans.c.scan).where(job_scans.c.job == job_id, job_scans.c.position == 0)
    return str(connection.execute(query).scalar_one())


def _no_review() -> NotFound:
    return NotFound("There is no such review.", hint=_LIST_HINT)


def _review_named(known: Sequence[Review], review_id: str) -> Review:
    for review in known:
        if review.id == review_id:
            return review
    raise _no_review()


def _check_owner(review: Review, reader: str, *, named: bool) -> None:
    """`named`: a reader without a name owns no review."""
    mine = review.reviewer == reader or (
        named and reader_key(reader) != "" and reader_key(review.reviewer) == reader_key(reader)
    )
    if (reader or named) and not mine:
        raise Forbidden(
            "The review is another reader's.",
            expected="A review of your own.",
            hint=_ANOTHER_HINT,
        )


def _check_withdrawal(review: Review, known: Sequence[Review], now: float) -> None:
    kept = review.role is Role.ADJUDICATION or any(
        one.id != review.id and one.mask_sha256 == review.mask_sha256 and one.withdrawn_at is None
        for one in known
    )
    if review.mask_sha256 is not None and not kept:
        raise Conflict(
            "The review has a corrected mask of its own.",
            expected="A review that accepts or rejects a mask.",
            hint=_ANOTHER_HINT,
        )
    if now - review.created_at > WITHDRAWAL_S:
        raise Conflict(
            f"The review is older than {WITHDRAWAL_S / 60:.0f} minutes.",
            expected="A review that was just added.",
            hint=_ANOTHER_HINT,
        )


def _check_not_decided(
    reading: SecondReading | None, review: Review, known: Sequence[Review]
) -> None:
    """Raises Conflict for a reading between which and others somebody has decided."""
    if reading is None or reading.agreement is None or review.id not in reading.agreement.reviews:
        return
    if any(one.role is Role.ADJUDICATION and one.withdrawn_at is None for one in known):
        raise Conflict(
            "Another reader has decided between the readings of this job.",
            expected="A reading that nobody has decided on.",
            hint="Ask the reader who decided to decide anew.",
        )
