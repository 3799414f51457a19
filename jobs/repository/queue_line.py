"""The work ahead of waiting jobs, from the counts of blocks and a look into each job's own block.

```
                              job
   project a   block 7   block 8  v   block 9
              [-------] [-------*---] [------]      by sequence number
               counted   looked at
   project b   [-------] [---|
               counted    a share: the jobs of b that start before the job
```

Jobs of higher priorities are ahead, and those jobs of the same priority that start before by the
order of `turns`.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
)

from jobs.repository.job_rows import chunks
from jobs.repository.model_rates import Rates
from jobs.repository.schema.count_tables import BLOCK, job_counts
from jobs.repository.schema.job_tables import jobs
from jobs.repository.turns import Turn, all_turns, read_turns


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job in its queue, and what comes before it."""

    id: str
    queue: str
    model: str
    voxels: int
    created_at: float
    place: int
    """1 is next."""
    seconds: float
    """What the jobs before it need whose model was measured."""
    unmeasured: int
    """Voxels of the other jobs before it."""


def waiting_jobs(connection: Connection, wanted: Sequence[str], rates: Rates) -> list[WaitingJob]:
    """Those of these jobs that wait, with one statement for some hundreds of them, and one for the
    counts.

    Reads the counts of waiting jobs and, for each job, at most BLOCK rows by sequence number.
    """
    query = _own_blocks(len(rates), lateral=connection.dialect.name != "sqlite")
    parameters: dict[str, object] = {}
    for n, (model, rate) in enumerate(rates.items()):
        parameters |= {f"model_{n}": model, f"rate_{n}": rate}
    rows = [
        row
        for ids in chunks(wanted)
        for row in connection.execute(query, {"ids": ids, **parameters})
    ]
    if not rows:
        return []
    line = _Line(connection, connection.execute(_blocks(len(rates)), parameters))
    return [_waiting_job(row, line.ahead(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Work:
    """Some waiting jobs, added up."""

    jobs: float = 0
    seconds: float = 0.0
    unmeasured: float = 0

    def __add__(self, other: "_Work") -> "_Work":
        return _Work(
            self.jobs + other.jobs,
            self.seconds + other.seconds,
            self.unmeasured + other.unmeasured,
        )

    def share(self, part: float) -> "_Work":
        return _Work(self.jobs * part, self.seconds * part, self.unmeasured * part)


_NOTHING = _Work()


@dataclass(slots=True)
class _Jobs:
    """The waiting jobs of a project in one priority of a queue."""

    blocks: list[int] = field(default_factory=list)
    works: list[_Work] = field(default_factory=list)
    """The work of each block."""
    sums: list[_Work] = field(default_factory=lambda: [_NOTHING])
    """The work of the blocks up to each one; first that of none."""
    counts: list[float] = field(default_factory=lambda: [0])
    """The number of jobs in `sums`."""

    def add(self, block: int, work: _Work) -> None:
        """Adds a block; in their order."""
        self.blocks.append(block)
        self.works.append(work)
        self.sums.append(self.sums[-1] + work)
        self.counts.append(self.sums[-1].jobs)

    @property
    def all(self) -> _Work:
        return self.sums[-1]

    def before_block(self, block: int) -> _Work:
        return self.sums[bisect_left(self.blocks, block)]

    def first(self, count: int) -> _Work:
        """The work of the oldest jobs; of the last block that they reach into, their share."""
        if count >= self.all.jobs:
            return self.all
        whole = bisect_right(self.counts, count) - 1
        rest = self.works[whole]
        return self.sums[whole] + rest.share((count - self.counts[whole]) / rest.jobs)


class _Line:
    """All waiting jobs, by queue, priority and project."""

    def __init__(self, connection: Connection, blocks: Iterable[Row[Any]]) -> None:
        self._connection = connection
        self._projects: dict[tuple[str, int], dict[str, _Jobs]] = defaultdict(
            lambda: defaultdict(_Jobs)
        )
        for row in blocks:
            work = _Work(int(row.jobs), float(row.seconds), int(row.unmeasured))
            self._projects[row.queue, row.priority][row.project].add(row.block, work)
        self._turns: dict[tuple[str, int], Mapping[str, Turn]] = {}

    def ahead(self, job: Row[Any]) -> _Work:
        """The work ahead of a job, a row of `_own_blocks`."""
        projects = self._projects[job.queue, job.priority]
        own = _Work(int(job.jobs), float(job.seconds or 0.0), int(job.unmeasured or 0))
        own += projects[job.project].before_block(job.block)
        ahead = own + self._urgent(job.queue, job.priority)
        if len(projects) == 1:
            return ahead
        known = self._turns_of(job.queue, job.priority)
        for project, others in projects.items():
            if project != job.project and project in known and job.project in known:
                before = known[project].starts_before(known[job.project], int(own.jobs))
                ahead += others.first(before)
        return ahead

    def _urgent(self, queue: str, priority: int) -> _Work:
        """The jobs of higher priorities."""
        total = _NOTHING
        for (its_queue, its_priority), projects in self._projects.items():
            if its_queue == queue and its_priority > priority:
                for others in projects.values():
                    total += others.all
        return total

    def _turns_of(self, queue: str, priority: int) -> Mapping[str, Turn]:
        key = (queue, priority)
        if key not in self._turns:
            known = read_turns(self._connection, all_turns(), queue, priority)
            self._turns[key] = {turn.project: turn for turn in known}
        return self._turns[key]


def _waiting_job(row: Row[Any], ahead: _Work) -> WaitingJob:
    return WaitingJob(
        row.id,
        row.queue,
        row.model,
        row.voxels,
        row.created_at,
        place=1 + round(ahead.jobs),
        seconds=ahead.seconds,
        unmeasured=round(ahead.unmeasured),
    )


@cache
def _blocks(rates: int) -> "Select[Any]":
    """The work of each block of each project, in order; for this number of rates: the statement
    takes longer to build than to execute."""
    names = ("queue", "priority", "project", "block")
    key = tuple(job_counts.c[name] for name in names)
    seconds, unmeasured = _work(job_counts.c.model, job_counts.c.voxels, rates)
    number = func.sum(job_counts.c.jobs)
    query = select(
        *key,
        number.label("jobs"),
        func.sum(seconds).label("seconds"),
        func.sum(unmeasured).label("unmeasured"),
    )
    query = query.where(job_counts.c.state == "queued").group_by(*key)
    return query.having(number > 0).order_by(*key)


@cache
def _own_blocks(rates: int, lateral: bool) -> "Select[Any]":
    """Each of the jobs `ids`, with the work of its project before it in its own block.

    PostgreSQL's planner guesses badly while a queue grows, and for ranges of sequence numbers
    always. It must not have the choice to join: each job's block is looked at by itself, and by
    sequence number, not by an index on the queue, all of whose entries it might read.

    `lateral`: the block is read once, not once for each sum, for which SQLite has no syntax.
    """
    names = ("id", "queue", "priority", "project", "seq", "model", "voxels", "created_at")
    facts = (jobs.c[name] for name in (*names, "state"))
    wanted = select(*facts).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    own, other = wanted.cte("own").prefix_with("MATERIALIZED"), jobs.alias("other")
    block = own.c.seq // BLOCK
    before = and_(
        other.c.state.concat("") == "queued",
        other.c.queue.concat("") == own.c.queue,
        other.c.project.concat("") == own.c.project,
        other.c.priority == own.c.priority,
        other.c.seq >= block * BLOCK,
        other.c.seq < own.c.seq,
    )
    seconds, unmeasured = _work(other.c.model, other.c.voxels, rates)
    sums = (
        func.count(other.c.seq).label("jobs"),
        func.sum(seconds).label("seconds"),
        func.sum(unmeasured).label("unmeasured"),
    )
    query = select(*(own.c[name] for name in names), block.label("block"))
    query = query.where(own.c.state == "queued")
    if lateral:
        ahead = select(*sums).where(before).lateral("ahead")
        return query.add_columns(*ahead.c).join_from(own, ahead, true())
    each = (select(total).where(before).scalar_subquery().label(total.name) for total in sums)
    return query.add_columns(*each)


def _work(
    model: ColumnElement[str], voxels: ColumnElement[int], rates: int
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Seconds for measured models, voxels for others."""
    if not rates:
        return literal(0.0), voxels
    known = [model == bindparam(f"model_{n}", type_=Text) for n in range(rates)]
    paces = [voxels * bindparam(f"rate_{n}", type_=Double) for n in range(rates)]
    seconds = case(*zip(known, paces, strict=True), else_=0.0)
    return seconds, case(*((one, 0) for one in known), else_=voxels)
