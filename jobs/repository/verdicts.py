"""The verdict of a job, as part of a caller's transaction, which has locked the job.

Without a second reading, it is that of the newest review that is not withdrawn. With one, the job
has no verdict until the readings agree, or another reader has decided.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, insert, select, update

from imaging.errors import BadRequest, Conflict, Forbidden
from jobs.repository.reading_rows import agreement_json, reading_of, reviews_of
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.reading_tables import reading_events, readings
from jobs.repository.schema.review_tables import review_stands, reviews
from jobs.review import Review, Role
from jobs.second_reading import (
    Agreement,
    ReadingState,
    SecondReading,
    counted_readings,
    decide,
    reader_key,
)
from jobs.webhook import WebhookEvent

_EVENTS = {
    ReadingState.ADJUDICATE: WebhookEvent.READING_DISAGREED,
    ReadingState.COMPLETE: WebhookEvent.READING_COMPLETED,
}


def update_verdict(connection: Connection, job_id: str) -> None:
    """Sets the job's verdict, and the state of its second reading, to what its reviews say."""
    reading = reading_of(connection, job_id)
    if reading is not None:
        update_reading(connection, reading, reading.agreement)
        return
    newest = select(reviews.c.verdict).where(reviews.c.job == job_id, review_stands)
    newest = newest.order_by(reviews.c.seq.desc()).limit(1)
    _set_verdict(connection, job_id, connection.execute(newest).scalar_one_or_none())


def update_reading(
    connection: Connection, reading: SecondReading, agreement: Agreement | None
) -> SecondReading:
    """Stores what the readings say, with this agreement between them, and sets the verdict.

    An agreement with a reading that no longer stands is discarded: the second reading is open
    again, but its readings have been shown.
    """
    all_reviews = reviews_of(connection, reading.job)
    counted = counted_readings(all_reviews, reading.options.readers)
    broken = agreement is not None and not _stand(agreement.reviews, all_reviews)
    agreement = None if broken else agreement
    state, decision = decide(agreement, all_reviews)
    readers = [one.reviewer for one in counted] if agreement is None else agreement.readers
    changed = replace(
        reading,
        state=state,
        given_by=frozenset(map(reader_key, readers)),
        blind=reading.blind and not broken,
        agreement=agreement,
        review=None if decision is None else decision.id,
    )
    if changed.review != reading.review:
        changed = replace(changed, completed_at=None if decision is None else time.time())
    _store(connection, changed, None if decision is None else decision.reviewer)
    _set_verdict(connection, reading.job, None if decision is None else decision.verdict)
    if (state, changed.review) != (reading.state, reading.review) and state in _EVENTS:
        add_event(connection, reading.job, _EVENTS[state])
    return changed


def with_role(reading: SecondReading | None, all_reviews: Sequence[Review], new: Review) -> Review:
    """A new review of a job with the role that it has in the second reading.

    `new.role`: ADJUDICATION if its reader decides between readings, None otherwise. Raises
    BadRequest for a review without a name, Forbidden for a reader who must not give it, and
    Conflict for an adjudication before all readings were given.
    """
    if reading is None:
        if new.role is not None:
            raise _not_to_adjudicate("The job has no second reading.")
        return new
    key = reader_key(new.reviewer)
    if not key:
        raise BadRequest(
            "The job is in a second reading, and the review has no name.",
            expected="The name of the reader in `reviewer`.",
            hint="Enter your name, and give your verdict again.",
        )
    if new.role is Role.ADJUDICATION:
        _check_adjudicator(reading, new)
        return new
    if reading.state is not ReadingState.OPEN:
        return replace(new, role=Role.SURPLUS)
    check_not_looked(reading, new.reviewer)
    counted = counted_readings(all_reviews, reading.options.readers)
    known = key in {reader_key(one.reviewer) for one in counted}
    place = known or len(counted) < reading.options.readers
    return replace(new, role=Role.READING if place else Role.SURPLUS)


def check_not_looked(reading: SecondReading, reader: str) -> None:
    """Raises Forbidden for a reader who has looked at the readings of an open second reading."""
    if reading.state is ReadingState.OPEN and reading.has_looked(reader):
        raise Forbidden(
            "You have looked at the readings of this job before all were given.",
            expected="A reader who has not seen the other readings.",
            hint="Let another reader judge the mask.",
        )


def add_event(connection: Connection, job_id: str, event: WebhookEvent) -> None:
    """Notes a stage of the job's second reading, for webhooks."""
    columns = (jobs.c.id, jobs.c.project, jobs.c.model, jobs.c.batch, jobs.c.verdict)
    job = connection.execute(select(*columns).where(jobs.c.id == job_id)).one()
    row = {"job": job.id, "project": job.project, "model": job.model, "batch": job.batch}
    row |= {"event": event.value, "verdict": job.verdict, "at": time.time()}
    connection.execute(insert(reading_events).values(row))


def _check_adjudicator(reading: SecondReading, new: Review) -> None:
    if reading.state is ReadingState.OPEN:
        raise _not_to_adjudicate("Readings of the job are missing.")
    if reading.is_by(new.reviewer):
        raise Forbidden(
            "You gave one of the readings.",
            expected="Another reader, who decides between the readings.",
            hint="Let another reader decide.",
        )


def _not_to_adjudicate(detail: str) -> Conflict:
    return Conflict(
        detail,
        expected="A job whose second reading has all its readings.",
        hint="Send the review without `adjudicates`.",
    )


def _stand(ids: Sequence[str], all_reviews: Sequence[Review]) -> bool:
    standing = {one.id for one in all_reviews if one.withdrawn_at is None}
    return standing.issuperset(ids)


def _store(connection: Connection, reading: SecondReading, reviewer: str | None) -> None:
    values = {
        "state": reading.state.value,
        "given": reading.given,
        "readers": "".join(f"\n{key}\n" for key in sorted(reading.given_by)),
        "blind": reading.blind,
        "agreement": agreement_json(reading.agreement),
        "review": reading.review,
        "reviewer": reviewer,
        "completed_at": reading.completed_at,
    }
    connection.execute(update(readings).where(readings.c.job == reading.job).values(values))


def _set_verdict(connection: Connection, job_id: str, verdict: str | None) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(verdict=verdict))
