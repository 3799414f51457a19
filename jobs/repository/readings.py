"""Second readings: requested, compared, looked at, cancelled."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, delete, insert, select, update

from imaging.errors import Conflict, Forbidden, NotFound
from jobs.job_filter import JobFilter
from jobs.repository.database import Database
from jobs.repository.job_rows import check_job, chunks, no_job
from jobs.repository.reading_rows import (
    reading_of,
    readings_of,
    reviews_of,
    second_reading_of,
)
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.reading_tables import readings
from jobs.repository.schema.review_tables import reviews
from jobs.repository.schema.worklist_tables import worklist
from jobs.repository.verdicts import add_event, update_reading, update_verdict
from jobs.repository.worklist import conditions
from jobs.review import Review, Role
from jobs.second_reading import (
    Agreement,
    ReadingOptions,
    ReadingState,
    SecondReading,
    Unblinding,
    counted_readings,
    reader_key,
)
from jobs.webhook import WebhookEvent


@dataclass(frozen=True, slots=True)
class ComparedReadings:
    """All readings of a job, which have not been compared yet, in the order of their readers."""

    options: ReadingOptions
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True)
class JobReading:
    """A second reading whose readings were all given, with facts of its job."""

    reading: SecondReading
    model: str
    created_at: float
    """When the job was created, in seconds since the epoch."""
    verdict: str | None
    """The job's verdict; None: another reader must decide."""


def no_reading() -> NotFound:
    """The error for a job without a second reading."""
    return NotFound(
        "The job has no second reading.",
        hint="Request one with PUT /v1/jobs/{job_id}/second-reading.",
    )


class Readings:
    """The second readings of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(
        self, project: str, job_ids: Sequence[str], options: ReadingOptions, by: str, now: float
    ) -> list[str]:
        """Puts those of the project's jobs up for a second reading that have none; their ids.

        The review that gave a job its verdict is the first reading, if it has a name: other readers
        do not see it any longer. Raises NotFound, and then puts up none. Large numbers take several
        transactions; a repetition continues after an interruption.
        """
        wanted = list(dict.fromkeys(job_ids))
        with self._database.read() as connection:
            for ids in chunks(wanted):
                _check(connection, project, ids)
        return [
            job_id
            for ids in chunks(wanted)
            for job_id in self._request(project, ids, options, by, now)
        ]

    def _request(
        self, project: str, job_ids: Sequence[str], options: ReadingOptions, by: str, now: float
    ) -> list[str]:
        def transaction(connection: Connection) -> list[str]:
            _check(connection, project, job_ids, lock=True)
            known = readings_of(connection, job_ids)
            new = [job_id for job_id in job_ids if job_id not in known]
            for job_id in new:
                _open(connection, SecondReading(job_id, options, ReadingState.OPEN, by, now))
            return new

        return self._database.repeat_after_race(transaction)

    def get(self, project: str, job_id: str) -> SecondReading:
        """The second reading of the project's job; raises NotFound."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            reading = reading_of(connection, job_id)
        if reading is None:
            raise no_reading()
        return reading

    def to_compare(self, project: str, job_id: str) -> ComparedReadings | None:
        """The readings of the project's job, if all were given and none were compared."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            reading = reading_of(connection, job_id)
            return None if reading is None else _full(connection, reading)

    def conclude(self, project: str, job_id: str, agreement: Agreement) -> SecondReading | None:
        """Ends the blinding, and stores what the readings have in common.

        None, and nothing is changed, if other readings than these count meanwhile.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            reading = reading_of(connection, job_id)
            full = None if reading is None else _full(connection, reading)
            if reading is None or full is None:
                return None
            if tuple(one.id for one in full.reviews) != agreement.reviews:
                return None
            return update_reading(connection, reading, agreement)

    def cancel(self, project: str, job_id: str, *, may_unblind: bool = True) -> Review | None:
        """Deletes the second reading: its reviews are shown, and the newest is the verdict.

        Returns that review, None if it was the verdict before the second reading, or if there is
        none. Raises NotFound, Conflict if it is complete, or Forbidden where readings would be
        shown to somebody who may not look at them (`may_unblind`).
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            reading = reading_of(connection, job_id)
            if reading is None:
                raise no_reading()
            if reading.state is ReadingState.COMPLETE:
                raise Conflict(
                    "The second reading is complete.",
                    expected="A second reading without a verdict.",
                    hint="Another reader can decide anew: add a review with `adjudicates`.",
                )
            known = reviews_of(connection, job_id)
            hidden = counted_readings(known, reading.options.readers)
            if reading.state is ReadingState.OPEN and hidden and not may_unblind:
                raise _shows_readings()
            connection.execute(delete(readings).where(readings.c.job == job_id))
            of_job = update(reviews).where(reviews.c.job == job_id)
            # The second column is not changed. Its trigger writes the reviewer to the worklist.
            connection.execute(of_job.values(role=None, withdrawn_at=reviews.c.withdrawn_at))
            update_verdict(connection, job_id)
            standing = [one for one in reviews_of(connection, job_id) if one.withdrawn_at is None]
            new = [one for one in standing[-1:] if one.created_at >= reading.requested_at]
            return new[0] if new else None

    def unblind(self, project: str, job_id: str, reader: str, now: float) -> list[Review]:
        """Notes that somebody looks at the readings, and returns all reviews of the job.

        While the second reading is open, this reader can then not give a reading. Raises NotFound,
        or Conflict for a reader who has given one.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id, lock=True)
            reading = reading_of(connection, job_id)
            if reading is None:
                raise no_reading()
            known = reviews_of(connection, job_id)
            if reading.state is ReadingState.OPEN:
                counted = counted_readings(known, reading.options.readers)
                if reader_key(reader) in {reader_key(one.reviewer) for one in counted}:
                    raise Conflict(
                        "You have given a reading of this job, which you could still change.",
                        expected="Somebody who reads the job not at all.",
                        hint="Wait until the second reading has all its readings.",
                    )
            looks = [asdict(one) for one in (*reading.unblindings, Unblinding(reader, now))]
            this = readings.c.job == job_id
            connection.execute(update(readings).where(this).values(unblindings=looks))
            return known

    def without(self, project: str, wanted: JobFilter) -> list[str]:
        """Ids of the project's jobs that meet the filter and have no second reading."""
        query = select(jobs.c.id).join(worklist, worklist.c.seq == jobs.c.seq)
        query = query.where(*conditions(project, wanted), worklist.c.reading.is_(None))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(jobs.c.seq)).scalars())

    def compared(self, project: str, wanted: JobFilter) -> list[JobReading]:
        """The compared readings of the project's jobs that meet the filter, oldest job first."""
        query = select(readings, jobs.c.model, jobs.c.created_at, jobs.c.verdict)
        query = query.join(jobs, jobs.c.id == readings.c.job)
        query = query.join(worklist, worklist.c.seq == jobs.c.seq)
        query = query.where(*conditions(project, wanted), readings.c.agreement.is_not(None))
        query = query.where(worklist.c.reading != ReadingState.OPEN).order_by(jobs.c.seq)
        with self._database.read() as connection:
            return [
                JobReading(second_reading_of(row), row["model"], row["created_at"], row["verdict"])
                for row in connection.execute(query).mappings()
            ]


def _shows_readings() -> Forbidden:
    return Forbidden(
        "Readings were given, which the end of the second reading would show to everybody.",
        expected="A second reading without readings, or a caller with readings:unblind.",
        hint="Ask an administrator of the project to cancel it.",
    )


def _check(
    connection: Connection, project: str, job_ids: Sequence[str], *, lock: bool = False
) -> None:
    """Raises NotFound unless all jobs are the project's; `lock` locks them, the oldest first."""
    query = select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.project == project)
    query = query.order_by(jobs.c.seq)
    known = connection.execute(query.with_for_update() if lock else query).scalars().all()
    if len(known) != len(job_ids):
        raise no_job()


def _open(connection: Connection, reading: SecondReading) -> None:
    """Stores a new second reading. The review that counts is its first reading."""
    standing = [one for one in reviews_of(connection, reading.job) if one.withdrawn_at is None]
    reading = replace(reading, blind=not standing)
    if standing and reader_key(standing[-1].reviewer):
        first = reviews.c.id == standing[-1].id
        connection.execute(update(reviews).where(first).values(role=Role.READING.value))
    row = {
        "job": reading.job,
        "wanted": reading.options.readers,
        "show_names": reading.options.show_names,
        "min_dice": reading.options.min_dice,
        "state": reading.state.value,
        "given": 0,
        "readers": "",
        "blind": reading.blind,
        "requested_by": reading.requested_by,
        "requested_at": reading.requested_at,
    }
    connection.execute(insert(readings).values(row))
    update_reading(connection, reading, None)
    add_event(connection, reading.job, WebhookEvent.READING_REQUESTED)


def _full(connection: Connection, reading: SecondReading) -> ComparedReadings | None:
    if reading.state is not ReadingState.OPEN or reading.given < reading.options.readers:
        return None
    counted = counted_readings(reviews_of(connection, reading.job), reading.options.readers)
    return ComparedReadings(reading.options, tuple(counted))
