"""Projects take turns in a queue, and places and estimates follow the same order."""

import random
import threading
from collections import Counter, defaultdict
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text, update

from jobs.batch import Batch
from jobs.job import Job
from jobs.repository import Repository
from jobs.repository.schema.count_tables import job_counts, job_starts
from jobs.repository.schema.job_tables import jobs
from tests.support.rows import make_job, make_scan

PROJECTS = ("ada", "bea", "cem")
ENDED: dict[str, Any] = {
    "mask_sha256": "a",
    "mask_format": "png",
    "preview_sha256": None,
    "report": {},
}


@pytest.fixture
def shared(repository: Repository) -> Repository:
    """With a scan of each project."""
    for project in PROJECTS:
        repository.scans.add(make_scan(f"scan-{project}", project))
    return repository


def queue_up(repository: Repository, project: str, count: int = 1, **changes: Any) -> list[Job]:
    """Stores jobs that have a message."""
    members = [
        make_job(uuid4().hex, project, scans={"t1": f"scan-{project}"}, **changes)
        for _ in range(count)
    ]
    repository.batches.add(Batch(uuid4().hex, project, "", 0.0), members)
    repository.messages.mark_sent([job.id for job in members])
    return members


def claim(repository: Repository, message: str) -> Job:
    job = repository.leases.claim_next(message, "w", 60)
    assert job is not None
    return job


def finish(repository: Repository, job: Job) -> None:
    assert repository.leases.finish(job.id, job.fence, **ENDED)


def test_a_project_with_one_job_is_next(shared: Repository) -> None:
    """One worker, then several; whatever the number of jobs of the other project."""
    many = queue_up(shared, "ada", 600)
    first = claim(shared, many[0].id)
    assert first.id == many[0].id, "the only project"
    (one,) = queue_up(shared, "bea")
    assert shared.forecasts.of([one])[one.id].place == 1
    assert claim(shared, many[1].id).id == one.id
    finish(shared, first)
    (another,) = queue_up(shared, "bea")
    assert claim(shared, many[2].id).project == "ada", "it has no running job now"
    assert claim(shared, many[3].id).id == another.id, "one each, and the other started last"
    (urgent,) = queue_up(shared, "ada", priority=9)
    assert claim(shared, many[4].id).id == urgent.id, "priority goes first"


def test_random_arrivals(shared: Repository) -> None:
    """No project starts two jobs in a row while another one with fewer running jobs waits, and none
    is passed over without end."""
    rng = random.Random(18)
    waiting: Counter[str] = Counter()
    held: dict[str, list[Job]] = defaultdict(list)
    passed: Counter[str] = Counter()
    (message,) = queue_up(shared, "ada", priority=0)  # never claimed: others go first
    before = ""
    for _ in range(70):
        if rng.random() < 0.4 or not waiting.total():
            project = rng.choice(PROJECTS)
            waiting[project] += len(queue_up(shared, project, rng.choice((1, 1, 5))))
        running = [job for its in held.values() for job in its]
        if running and rng.random() < 0.6:
            ended = rng.choice(running)
            held[ended.project].remove(ended)
            finish(shared, ended)
        job = claim(shared, message.id)
        others = [p for p in PROJECTS if waiting[p] and p != job.project]
        fewest = min((len(held[p]) for p in others), default=len(held[job.project]))
        assert len(held[job.project]) <= fewest
        if job.project == before:
            assert all(len(held[p]) > len(held[before]) for p in others)
        for project in others:
            passed[project] += len(held[project]) <= len(held[job.project])
            assert passed[project] < len(PROJECTS)
        passed[job.project] = 0
        waiting[job.project] -= 1
        held[job.project].append(job)
        before = job.project


def test_places_are_the_order_of_claims(shared: Repository) -> None:
    """With jobs of several projects, priorities and blocks, some of which run already."""
    rng = random.Random(4)
    for project, count in (("bea", 4), ("ada", 3), ("cem", 3)):
        members = queue_up(shared, project, count)
    for _ in range(5):
        claim(shared, members[0].id)
    for _ in range(14):
        queue_up(shared, rng.choice(PROJECTS), rng.choice((1, 2, 20)), priority=rng.choice((5, 9)))
    with shared.database.read() as connection:
        query = select(jobs.c.id, jobs.c.priority).where(jobs.c.state == "queued")
        rows = list(connection.execute(query))
    shared.figures.fold()
    for priority in (9, 5):
        ids = [row.id for row in rows if row.priority == priority]
        forecasts = shared.forecasts.of(shared.jobs.many(ids))
        expected = sorted(ids, key=lambda name: forecasts[name].place or 0)
        assert [forecasts[name].place for name in expected] == list(range(1, len(ids) + 1))
        assert [claim(shared, rows[0].id).id for _ in ids] == expected


def test_a_group_keeps_the_order(shared: Repository) -> None:
    a = queue_up(shared, "ada", 4)
    b = queue_up(shared, "bea", 2)
    job = claim(shared, a[0].id)
    assert job.id == a[0].id
    following = shared.leases.next_like(job, 60, 3)
    assert [one.id for one in following] == [b[0].id, a[1].id, b[1].id]


def test_each_message_gets_one_job(shared: Repository) -> None:
    """Of several projects, by workers at once: none is given twice, and the shares are equal."""
    names = [job.id for project in PROJECTS for job in queue_up(shared, project, 8)]
    won: list[Job | None] = []
    gate = threading.Barrier(4, timeout=60)

    def race(first: int) -> None:
        gate.wait()
        won.extend(shared.leases.claim_next(name, "w", 60) for name in names[first:12:4])

    threads = [threading.Thread(target=race, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claimed = [job for job in won if job is not None]
    assert len({job.id for job in claimed}) == 12
    assert Counter(job.project for job in claimed) == dict.fromkeys(PROJECTS, 4)


def test_starts_and_counts_of_earlier_versions(shared: Repository) -> None:
    """Old starts are deleted; counts that were folded without their projects are made anew."""
    with shared.database.write() as connection:
        start = {"queue": "any", "priority": 5, "project": "bea"}
        connection.execute(insert(job_starts), [start] * 600)
    members = queue_up(shared, "ada", 3) + queue_up(shared, "bea", 3)
    with shared.database.write() as connection:
        connection.execute(update(job_counts).values(project=""))
    shared.figures.fold()
    forecasts = shared.forecasts.of(members)
    assert [forecasts[job.id].place for job in members] == [1, 3, 5, 2, 4, 6]
    with shared.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM job_starts")).scalar_one() == 1
