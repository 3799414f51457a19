"""Batch reviews: one verdict on many jobs, all in one transaction, and its withdrawal."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from imaging.errors import Conflict, Forbidden, NotFound
from jobs.batch_review import BatchReview, JobOutcome, Outcome
from jobs.job import JobState
from jobs.repository.assignments import lock_jobs
from jobs.repository.database import Database
from jobs.repository.draft_rows import drafted_jobs
from jobs.repository.idempotency import digest, earlier_row
from jobs.repository.job_rows import chunks
from jobs.repository.reading_rows import readings_of
from jobs.repository.rows import Row
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import batch_reviews, review_stands, reviews
from jobs.repository.schema.worklist_tables import worklist
from jobs.review import WITHDRAWAL_S, Review

_KEPT_S = 24 * 3600.0
"""How long the outcomes are kept, for a repeated request."""


class BatchReviews:
    """The verdicts that readers give on many jobs at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, wanted: BatchReview, idempotency_key: str | None = None
    ) -> tuple[str, list[JobOutcome]]:
        """Reviews all jobs that the reader may judge so, and none of the others.

        Returns the id of the batch and what became of each job, in the order of `wanted.seen`. The
        same request under the same key returns the earlier outcomes. Raises Conflict for the same
        key with a different request.
        """
        request = _digest(wanted)

        def transaction(connection: Connection) -> tuple[str, list[JobOutcome]]:
            old = batch_reviews.c.created_at < wanted.created_at - _KEPT_S
            connection.execute(delete(batch_reviews).where(old))
            earlier = earlier_row(
                connection, batch_reviews, wanted.project, idempotency_key, request
            )
            if earlier is not None:
                return earlier["id"], _outcomes(earlier)
            outcomes = _decided(connection, wanted)
            _store(connection, wanted, outcomes)
            row = {
                **{name: getattr(wanted, name) for name in _OWN},
                "idempotency_key": idempotency_key,
                "request": request,
                "outcomes": [[one.job, one.outcome, one.review] for one in outcomes],
            }
            connection.execute(insert(batch_reviews).values(row))
            return wanted.id, outcomes

        return self._database.repeat_after_race(transaction)

    def withdraw(self, project: str, batch: str, reader: str, now: float) -> list[str]:
        """Withdraws the reviews of a batch that still stand; returns their jobs.

        Newer reviews of other readers stay, and those of jobs that have a second reading since: a
        reading is withdrawn alone. `reader`: the name of the account that asks; empty
        without accounts. Raises NotFound, Forbidden for another reader's batch, or Conflict for one
        older than WITHDRAWAL_S.
        """
        with self._database.write() as connection:
            this = (batch_reviews.c.id == batch) & (batch_reviews.c.project == project)
            row = connection.execute(select(batch_reviews).where(this)).mappings().one_or_none()
            if row is None:
                raise NotFound("There is no such batch of reviews.")
            _check_withdrawal(row, reader, now)
            given = {one.job: one.review for one in _outcomes(row) if one.review is not None}
            locked = lock_jobs(connection, project, list(given))
            read = readings_of(connection, locked)  # none can be requested from now on
            withdrawn: list[str] = []
            for some in chunks([job for job in locked if job not in read]):
                mine = reviews.c.id.in_([given[job] for job in some]) & review_stands
                mark = update(reviews).where(mine).values(withdrawn_at=now).returning(reviews.c.job)
                changed = list(connection.execute(mark).scalars())
                newest = select(reviews.c.verdict).where(reviews.c.job == jobs.c.id, review_stands)
                newest = newest.order_by(reviews.c.seq.desc()).limit(1)
                these = update(jobs).where(jobs.c.id.in_(changed))
                connection.execute(these.values(verdict=newest.scalar_subquery()))
                withdrawn += changed
            return withdrawn


def named_by(connection: Connection, project: str, job_ids: Collection[str]) -> list[str]:
    """The ids of the project's stored batches that name one of these jobs."""
    query = select(batch_reviews.c.id, batch_reviews.c.outcomes)
    rows = connection.execute(query.where(batch_reviews.c.project == project)).mappings()
    return [row["id"] for row in rows if any(one.job in job_ids for one in _outcomes(row))]


_OWN = ("id", "project", "reviewer", "created_at")


def _digest(wanted: BatchReview) -> str:
    own = {
        name: value for name, value in asdict(wanted).items() if name not in ("id", "created_at")
    }
    return digest(own)


def _outcomes(row: Row) -> list[JobOutcome]:
    return [JobOutcome(job, Outcome(what), review) for job, what, review in row["outcomes"]]


def _decided(connection: Connection, wanted: BatchReview) -> list[JobOutcome]:
    """What is to become of each job, with a new id for each review; all jobs are locked."""
    places = lock_jobs(connection, wanted.project, list(wanted.seen))
    rows: dict[int, Row] = {}
    for seqs in chunks(sorted(places.values())):
        found = connection.execute(select(*_JUDGED_BY).where(worklist.c.seq.in_(seqs))).mappings()
        rows.update((row["seq"], row) for row in found)
    drafted = drafted_jobs(connection, places, wanted.reviewer) if wanted.leave_drafts else set()
    outcomes = []
    for job, seen in wanted.seen.items():
        row = rows.get(places.get(job, 0))
        outcome = Outcome.NOT_FOUND if row is None else _outcome(row, seen, wanted)
        if outcome is Outcome.DONE and job in drafted:
            outcome = Outcome.DRAFT
        review = uuid4().hex if outcome is Outcome.DONE else None
        outcomes.append(JobOutcome(job, outcome, review))
    return outcomes


_JUDGED_BY = tuple(
    worklist.c[name] for name in ("seq", "state", "review", "doubts", "unusual", "reading")
)


def _outcome(row: Row, seen: str, wanted: BatchReview) -> Outcome:
    newest = row["review"] or ""
    if row["state"] != JobState.SUCCEEDED:
        return Outcome.UNFINISHED
    if row["reading"] is not None:
        return Outcome.SECOND_READING
    if newest not in ("", seen):
        return Outcome.NEWER_REVIEW
    if newest and not wanted.replace:
        return Outcome.REVIEWED
    doubted = row["doubts"] + row["unusual"] > 0
    if doubted and wanted.verdict == "accepted" and not wanted.with_doubts:
        return Outcome.DOUBTED
    return Outcome.DONE


def _store(connection: Connection, wanted: BatchReview, outcomes: Iterable[JobOutcome]) -> None:
    """The reviews, and the verdicts of their jobs."""
    done = [one for one in outcomes if one.review is not None]
    for some in chunks(done):
        ids = [one.job for one in some]
        connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(verdict=wanted.verdict))
        connection.execute(insert(reviews), [asdict(_review(wanted, one)) for one in some])


def _review(wanted: BatchReview, one: JobOutcome) -> Review:
    return Review(
        id=str(one.review),
        job=one.job,
        verdict=wanted.verdict,
        comment=wanted.comment,
        reviewer=wanted.reviewer,
        created_at=wanted.created_at,
        reasons=wanted.reasons,
    )


def _check_withdrawal(batch: Row, reader: str, now: float) -> None:
    if reader and batch["reviewer"] != reader:
        raise Forbidden(
            "The reviews are another reader's.",
            expected="Reviews of your own.",
            hint="Add other reviews; the newest one of a job is its verdict.",
        )
    if now - batch["created_at"] > WITHDRAWAL_S:
        raise Conflict(
            f"The reviews are older than {WITHDRAWAL_S / 60:.0f} minutes.",
            expected="Reviews that were just added.",
            hint="Add other reviews; the newest one of a job is its verdict.",
        )
