"""Rows of second readings, and who sees which review, as part of a caller's transaction."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from jobs.repository.job_rows import chunks
from jobs.repository.rows import Row, review_of
from jobs.repository.schema.job_tables import job_scans
from jobs.repository.schema.reading_tables import readings
from jobs.repository.schema.review_tables import reviews
from jobs.review import Review
from jobs.second_reading import (
    Agreement,
    PairOverlap,
    ReadingOptions,
    ReadingState,
    SecondReading,
    Unblinding,
    reader_key,
)

OTHER = "Another reader"
"""The name of a reader whose name is hidden and who gave none of the compared readings."""


def second_reading_of(row: Row) -> SecondReading:
    """The second reading of a row of `readings`."""
    names = ("job", "requested_by", "requested_at", "blind", "review", "completed_at")
    return SecondReading(
        options=ReadingOptions(row["wanted"], row["show_names"], row["min_dice"]),
        state=ReadingState(row["state"]),
        agreement=None if row["agreement"] is None else _agreement_of(row["agreement"]),
        given_by=frozenset(key for key in row["readers"].split("\n") if key),
        unblindings=tuple(Unblinding(**one) for one in row["unblindings"]),
        **{name: row[name] for name in names},
    )


def agreement_json(agreement: Agreement | None) -> dict[str, Any] | None:
    """An agreement as it is stored."""
    return None if agreement is None else asdict(agreement)


def reading_of(connection: Connection, job_id: str) -> SecondReading | None:
    """The second reading of a job; None without one."""
    row = connection.execute(select(readings).where(readings.c.job == job_id)).mappings().first()
    return None if row is None else second_reading_of(row)


def readings_of(connection: Connection, job_ids: Collection[str]) -> dict[str, SecondReading]:
    """Job id -> its second reading, for those of these jobs that have one."""
    rows: list[Row] = []
    for ids in chunks(list(job_ids)):
        query = select(readings).where(readings.c.job.in_(ids))
        rows += connection.execute(query).mappings()
    return {row["job"]: second_reading_of(row) for row in rows}


def reviews_of(connection: Connection, job_id: str) -> list[Review]:
    """All reviews of a job, oldest first."""
    query = select(reviews).where(reviews.c.job == job_id).order_by(reviews.c.seq)
    return [review_of(row) for row in connection.execute(query).mappings()]


def shown(
    reading: SecondReading | None, all_reviews: Iterable[Review], reader: str | None
) -> list[Review]:
    """The reviews of a job that a reader may see, with the names that the reader may see.

    `reader`: None for Tessera itself, which sees all.
    """
    if reading is None or reader is None:
        return list(all_reviews)
    return [_named(reading, one, reader) for one in all_reviews if reading.shows(one, reader)]


def with_shown_names(
    connection: Connection, labels: Iterable[Review], reader: str | None
) -> list[Review]:
    """Reviews of several jobs, which the reader may see, with the names that the reader may see."""
    labels = list(labels)
    if reader is None:
        return labels
    known = readings_of(connection, {one.job for one in labels if one.job is not None})
    return [
        one if (reading := known.get(one.job or "")) is None else _named(reading, one, reader)
        for one in labels
    ]


def shown_names(reading: SecondReading, reader: str) -> tuple[str, ...]:
    """The names of the compared readings' readers, as a reader may see them."""
    readers = () if reading.agreement is None else reading.agreement.readers
    if not _hides_names(reading):
        return readers
    return tuple(
        name if reader_key(name) == reader_key(reader) else _place_name(place)
        for place, name in enumerate(readers)
    )


def visible(reader: str | None) -> ColumnElement[bool]:
    """The condition for the rows of `reviews` that a reader may see.

    A mask that was drawn on the scan of a job, and belongs to no job, is hidden as one of the job.
    """
    if reader is None:
        return reviews.c.id.is_not(None)
    of_scan = select(job_scans.c.job).where(
        job_scans.c.scan == reviews.c.scan, job_scans.c.position == 0
    )
    of_job = or_(
        readings.c.job == reviews.c.job, and_(reviews.c.job.is_(None), readings.c.job.in_(of_scan))
    )
    hidden = select(readings.c.job).where(readings.c.state == ReadingState.OPEN, of_job).exists()
    return or_(~hidden, and_(reviews.c.reviewer == reader, reviews.c.reviewer != ""))


def _hides_names(reading: SecondReading) -> bool:
    return reading.state is ReadingState.ADJUDICATE and not reading.options.show_names


def _place_name(place: int) -> str:
    return f"Reader {place + 1}"


def _named(reading: SecondReading, review: Review, reader: str) -> Review:
    """The review, without the name of another reader while names are hidden."""
    if not _hides_names(reading) or reader_key(review.reviewer) == reader_key(reader):
        return review
    compared = () if reading.agreement is None else reading.agreement.readers
    keys = [reader_key(name) for name in compared]
    key = reader_key(review.reviewer)
    name = _place_name(keys.index(key)) if key in keys else OTHER
    info = review.info
    if info is not None:  # clients repeat the name there
        info = {field: value for field, value in info.items() if field != "client_id"}
    return replace(review, reviewer=name, info=info)


def _agreement_of(stored: Mapping[str, Any]) -> Agreement:
    texts = ("reviews", "readers", "verdicts", "common_reasons")
    return Agreement(
        **{name: tuple(stored[name]) for name in texts},
        overlaps=tuple(PairOverlap(**pair) for pair in stored["overlaps"]),
        agree=stored["agree"],
    )
