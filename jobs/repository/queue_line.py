"""The work ahead of waiting jobs, from the counts of blocks and a look into each job's own block.

```
                     job
   block 7   block 8  v   block 9
  [-------] [-------*---] [------]      sorted by priority, then by sequence number
   counted   looked at
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
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
from jobs.repository.schema import BLOCK, job_counts, jobs


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
    """Those of these jobs that wait, with one statement for some hundreds of them.

    Reads the counts of their queues and, for each job, at most BLOCK rows by sequence number.
    """
    query = _query(len(rates), lateral=connection.dialect.name != "sqlite")
    parameters: dict[str, object] = {}
    for n, (model, rate) in enumerate(rates.items()):
        parameters |= {f"model_{n}": model, f"rate_{n}": rate}
    return [
        WaitingJob(
            row.id,
            row.queue,
            row.model,
            row.voxels,
            row.created_at,
            place=1 + int(row.jobs),
            seconds=float(row.seconds),
            unmeasured=int(row.unmeasured),
        )
        for ids in chunks(wanted)
        for row in connection.execute(query, {"ids": ids, **parameters})
    ]


@cache
def _query(rates: int, lateral: bool) -> "Select[Any]":
    """The statement for this number of rates: it takes longer to build than to execute."""
    line, own = _line(rates).subquery(), _own_blocks(rates, lateral).subquery()
    same = and_(*(line.c[name] == own.c[name] for name in ("queue", "priority", "block")))
    facts = (own.c[name] for name in ("id", "queue", "model", "voxels", "created_at"))
    figures = (
        (func.coalesce(line.c[name], 0) + func.coalesce(own.c[name], 0)).label(name)
        for name in ("jobs", "seconds", "unmeasured")
    )
    return select(*facts, *figures).join_from(own, line, same)


def _line(rates: int) -> "Select[Any]":
    """Each block of each queue, with the work before it."""
    key = (job_counts.c.queue, job_counts.c.priority, job_counts.c.block)
    order = (job_counts.c.priority.desc(), job_counts.c.block)

    def before(figure: ColumnElement[Any]) -> ColumnElement[Any]:
        total = func.sum(func.sum(figure))
        return total.over(partition_by=job_counts.c.queue, order_by=order, rows=(None, -1))

    seconds, unmeasured = _work(job_counts.c.model, job_counts.c.voxels, rates)
    query = select(
        *key,
        before(job_counts.c.jobs).label("jobs"),
        before(seconds).label("seconds"),
        before(unmeasured).label("unmeasured"),
    )
    return query.where(job_counts.c.state == "queued").group_by(*key)


def _own_blocks(rates: int, lateral: bool) -> "Select[Any]":
    """Each of the jobs `ids`, with the work before it in its own block.

    PostgreSQL's planner guesses badly while a queue grows, and for ranges of sequence numbers
    always. It must not have the choice to join: each job's block is looked at by itself, and by
    sequence number, not by an index on the queue, all of whose entries it might read.

    `lateral`: the block is read once, not once for each sum, for which SQLite has no syntax.
    """
    names = ("id", "queue", "priority", "seq", "model", "voxels", "created_at")
    facts = (jobs.c[name] for name in (*names, "state"))
    wanted = select(*facts).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
    own, other = wanted.cte("own").prefix_with("MATERIALIZED"), jobs.alias("other")
    block = own.c.seq // BLOCK
    before = and_(
        other.c.state.concat("") == "queued",
        other.c.queue.concat("") == own.c.queue,
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
