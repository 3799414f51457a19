"""PostgreSQL reads a page of a queue by its indexes, also before it knows how large a table is."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from jobs.batch import Batch
from jobs.job import JobState
from jobs.job_filter import JobFilter, JobSort, Verdict
from jobs.repository import Forecasts, Repository
from jobs.second_reading import ReadingState
from tests.support.rows import make_job, make_scan

pytestmark = pytest.mark.process
MANY = 5_000
FILTERS = (
    JobFilter(),
    JobFilter(states=(JobState.QUEUED,), model="nuclei-2d", batch="b"),
    JobFilter(verdicts=(Verdict.TO_REVIEW,), text="head"),
    JobFilter(assignees=("Ada", "")),
    JobFilter(readings=(ReadingState.OPEN,), unread_by="Ada"),
    JobFilter(reviewer="Ada", modality="CT", created_from=1.0, created_before=2.0),
)


@pytest.fixture
def filled(postgres_url: str) -> Iterator[Repository]:
    """With jobs of two projects that have just been added, and no statistics of them."""
    with closing(Repository(postgres_url)) as repository:
        repository.migrate()
        with repository.database.write() as connection:
            for table in ("jobs", "job_scans", "worklist"):
                connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
        repository.scans.add(make_scan())
        members = [
            replace(make_job(), id=uuid4().hex, batch="b", created_at=time.time())
            for _ in range(MANY)
        ]
        repository.batches.add(Batch("b", "ada", "b", time.time()), members)
        repository.scans.add(make_scan("other", "bea"))
        repository.jobs.add(make_job("other", "bea", scans={"t1": "other"}))
        repository.messages.mark_sent(["other", members[0].id])
        yield repository


def test_no_table_that_grows_is_read_in_full(filled: Repository) -> None:
    statements: list[tuple[str, Any]] = []

    @event.listens_for(filled.database._engine, "before_cursor_execute")
    def record(*given: Any) -> None:
        statements.append((given[2], given[3]))

    page, _ = filled.worklist.page("ada", limit=25)
    for sort, wanted in product(JobSort, FILTERS):
        filled.worklist.page("ada", wanted, sort=sort, limit=25)
    filled.worklist.counts("ada")
    filled.readings.without("ada", JobFilter(model="nuclei-2d"))
    filled.readings.compared("ada", JobFilter())
    filled.labels.newest(["scan"])
    filled.worklist.listed([job.id for job in page])
    filled.scans.uses("ada", "scan")
    Forecasts(filled.database).of(page)
    filled.jobs.get("ada", page[0].id)
    filled.leases.claim_next(page[0].id, "w", 60)
    plans = [plan(filled, *statement) for statement in statements if is_planned(statement[0])]
    assert len(plans) > 5
    in_full = [
        plan for plan in plans if re.search(r"Seq Scan on (jobs|job_scans|scans|worklist)\b", plan)
    ]
    assert in_full == []


def is_planned(statement: str) -> bool:
    return statement.startswith(("SELECT", "UPDATE", "WITH"))


def plan(repository: Repository, statement: str, parameters: Any) -> str:
    with repository.database.write() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        rows = driver.execute(f"EXPLAIN {statement}", parameters).fetchall()
    return "\n".join(row[0] for row in rows)
