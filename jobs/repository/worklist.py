"""The worklist: jobs filtered, sorted and counted."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from imaging.errors import BadRequest
from jobs.assignment import NOBODY
from jobs.job import Job, JobState
from jobs.job_filter import JobCounts, JobFilter, JobSort, ListedJob, Verdict
from jobs.repository.database import Database
from jobs.repository.job_rows import chunks, read_jobs
from jobs.repository.rows import Row
from jobs.repository.schema.job_tables import brief, job_scans, jobs
from jobs.repository.schema.worklist_tables import worklist
from jobs.repository.usual_sizes import unusual_of
from jobs.second_reading import reader_key

_COUNTED = tuple(
    worklist.c[name]
    for name in ("state", "verdict", "model", "modality", "reviewer", "assignee", "reading")
)
_TO_REVIEW = and_(worklist.c.state == JobState.SUCCEEDED, worklist.c.verdict.is_(None))


class Worklist:
    """The jobs of all projects, as lists show them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        project: str,
        wanted: JobFilter = JobFilter(),  # noqa: B008 - it is immutable
        *,
        sort: JobSort = JobSort.NEWEST,
        cursor: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[list[Job], str | None]:
        """At most `limit` of the project's jobs, and the cursor of the next page, or None.

        `offset`: how many jobs to leave out after the cursor, or from the first one. Pages by
        cursor have no gaps and no job twice, also while jobs are added; pages by offset may.
        """
        order = _ORDERS[sort]
        query = select(*order.columns).where(*conditions(project, wanted))
        if cursor is not None:
            query = query.where(order.after(cursor))
        query = query.order_by(*order.terms).offset(offset).limit(limit + 1)
        with self._database.read() as connection:
            keys = [tuple(row) for row in connection.execute(query)]
            place = {key[-1]: n for n, key in enumerate(keys[:limit])}
            found = connection.execute(select(*brief).where(jobs.c.seq.in_(place))).mappings()
            rows = sorted(found, key=lambda row: place[row["seq"]])
            listed = read_jobs(connection, rows)
        return listed, order.cursor(keys[limit - 1]) if len(keys) > limit else None

    def counts(
        self,
        project: str,
        wanted: JobFilter = JobFilter(),  # noqa: B008 - it is immutable
    ) -> JobCounts:
        """How many of the project's jobs meet the filter."""
        query = select(*_COUNTED, func.count().label("jobs")).where(*conditions(project, wanted))
        counted: list[Counter[Any]] = [Counter() for _ in _COUNTED]
        with self._database.read() as connection:
            for *values, number in connection.execute(query.group_by(*_COUNTED)):
                if values[0] == JobState.SUCCEEDED and values[1] is None:
                    values[1] = Verdict.TO_REVIEW
                for counter, value in zip(counted, values, strict=True):
                    counter[value] += number
        states, *others = map(_without_null, counted)
        return JobCounts(sum(states.values()), states, *others)

    def listed(self, job_ids: Collection[str]) -> dict[str, ListedJob]:
        """Job id -> what lists show of it, for those of these jobs that exist."""
        columns = [worklist.c[name] for name in ListedJob.__dataclass_fields__]
        query = select(jobs.c.id, *columns).join(jobs, jobs.c.seq == worklist.c.seq)
        with self._database.read() as connection:
            return {
                row["id"]: _listed(row)
                for ids in chunks(list(job_ids))
                for row in connection.execute(query.where(jobs.c.id.in_(ids))).mappings()
            }


def _listed(row: Row) -> ListedJob:
    values = {name: row[name] for name in ListedJob.__dataclass_fields__}
    return ListedJob(**values | {"unusual_sizes": unusual_of(row["unusual_sizes"])})


def _without_null(counter: Counter[Any]) -> dict[Any, int]:
    return {value: counter[value] for value in sorted(counter.keys() - {None})}


def conditions(project: str, wanted: JobFilter) -> Iterable[ColumnElement[bool]]:
    """The conditions for rows of `worklist` with the project's jobs that meet the filter."""
    columns = worklist.c
    yield columns.project == project
    if wanted.states:
        yield columns.state.in_(wanted.states)
    if wanted.verdicts:
        yield _judged(wanted.verdicts)
    if wanted.assignees:
        yield func.coalesce(columns.assignee, NOBODY).in_(wanted.assignees)
    for name in ("reviewer", "model", "batch", "modality"):
        if (value := getattr(wanted, name)) is not None:
            yield columns[name] == value
    if wanted.scan is not None:
        users = select(job_scans.c.job).where(
            job_scans.c.scan == wanted.scan, job_scans.c.position == 0
        )
        yield columns.seq.in_(select(jobs.c.seq).where(jobs.c.id.in_(users)))
    yield from _read(wanted)
    if wanted.created_from is not None:
        yield columns.created_at >= wanted.created_from
    if wanted.created_before is not None:
        yield columns.created_at < wanted.created_before
    for word in (wanted.text or "").split():
        yield or_(
            columns.names.icontains(word, autoescape=True),
            columns.subject.icontains(word, autoescape=True),
        )


def _read(wanted: JobFilter) -> Iterable[ColumnElement[bool]]:
    """The conditions on second readings."""
    if wanted.readings:
        yield worklist.c.reading.in_(wanted.readings)
    if wanted.unread_by is not None:
        yield worklist.c.reading.is_not(None)
        if key := reader_key(wanted.unread_by):  # no reading is without a name
            yield ~worklist.c.readers.contains(f"\n{key}\n", autoescape=True)


def _judged(verdicts: tuple[Verdict, ...]) -> ColumnElement[bool]:
    given = worklist.c.verdict.in_([one for one in verdicts if one is not Verdict.TO_REVIEW])
    return or_(given, _TO_REVIEW) if Verdict.TO_REVIEW in verdicts else given


@dataclass(frozen=True, slots=True)
class _Order:
    """An order of jobs. A cursor names the last job of a page, so new jobs do not shift others."""

    sort: JobSort
    rank: "ColumnElement[int] | None" = None
    """Its highest value comes first; None: the order is by age alone."""
    newest_first: bool = True

    @property
    def columns(self) -> list["ColumnElement[int]"]:
        return [worklist.c.seq] if self.rank is None else [self.rank, worklist.c.seq]

    @property
    def terms(self) -> list["ColumnElement[int]"]:
        age = worklist.c.seq.desc() if self.newest_first else worklist.c.seq.asc()
        return [age] if self.rank is None else [self.rank.desc(), age]

    def cursor(self, key: tuple[int, ...]) -> str:
        """The cursor of the job with these values of `columns`."""
        kind = () if self.sort is JobSort.NEWEST else (self.sort.value,)
        return ".".join(map(str, (*kind, *key)))

    def after(self, cursor: str) -> "ColumnElement[bool]":
        """The condition for the jobs after the cursor's; raises BadRequest."""
        *rank, seq = self._key(cursor)
        age = worklist.c.seq < seq if self.newest_first else worklist.c.seq > seq
        if self.rank is None:
            return age
        return and_(self.rank <= rank[0], or_(self.rank < rank[0], age))

    def _key(self, cursor: str) -> list[int]:
        parts = cursor.split(".")
        key = parts if self.sort is JobSort.NEWEST else parts[1:]
        valid = all(part.isascii() and part.isdecimal() and len(part) < 19 for part in key)
        if valid and len(key) == len(self.columns):
            numbers = [int(part) for part in key]
            if self.cursor(tuple(numbers)) == cursor:
                return numbers
        raise BadRequest(
            "The cursor is not valid.",
            expected="The next_cursor of the previous page of the same order.",
            hint="Request the list again without a cursor.",
        )


_ORDERS = {
    order.sort: order
    for order in (
        _Order(JobSort.NEWEST),
        _Order(JobSort.OLDEST, newest_first=False),
        _Order(JobSort.PRIORITY, worklist.c.priority, newest_first=False),
        _Order(JobSort.SUSPICION, worklist.c.suspicion),
    )
}
