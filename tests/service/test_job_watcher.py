"""The watcher of followed jobs: few statements, every change, outages, slow followers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url, text

from jobs.job import JobState, Progress
from jobs.job_filter import ListedJob
from jobs.repository import Forecast, Held, Repository
from service.use_cases import watcher as watcher_module
from service.use_cases.job_changes import JobChanges
from service.use_cases.job_status import JobStatus, JobStatuses
from service.use_cases.job_watcher import Follower, JobWatcher
from tests.support.migrated import migrated
from tests.support.rows import make_job, make_scan

PATIENCE_S = 120


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.process)])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    """With ada's scan `scan`, on SQLite and on PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'tessera.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    repository = migrated(url)
    repository.scans.add(make_scan())
    yield repository
    repository.close()


def statuses_of(repository: Repository) -> JobStatuses:
    return JobStatuses(repository.jobs, repository.forecasts, repository.worklist)


@asynccontextmanager
async def watching(repository: Repository) -> AsyncIterator[JobWatcher]:
    watcher = JobWatcher(JobChanges(repository.jobs, statuses_of(repository)))
    watcher.start()
    try:
        yield watcher
    finally:
        await watcher.stop()


def add(repository: Repository, name: str) -> Any:
    """The status of a new job."""
    repository.jobs.add(make_job(name))
    return statuses_of(repository).get("ada", name)


async def until_state(follower: Follower[JobStatus], state: JobState) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while follower.status.job.state is not state:
            await follower.wait()


def statements_of(repository: Repository) -> list[str]:
    """A list that every statement is added to from now on."""
    statements: list[str] = []

    @event.listens_for(repository.database._engine, "after_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    return statements


def test_every_change_reaches_every_follower(repository: Repository) -> None:
    async def run() -> None:
        async with watching(repository) as watcher:
            status = add(repository, "job")
            with watcher.following(status) as one, watcher.following(status) as two:
                job = repository.leases.claim("job", "w", 60)
                assert job is not None
                for follower in (one, two):
                    await until_state(follower, JobState.RUNNING)
                repository.leases.renew({Held("job", job.fence): Progress(3, 7)}, 60)
                async with asyncio.timeout(PATIENCE_S):
                    while two.status.job.progress != Progress(3, 7):
                        await two.wait()
                repository.leases.fail("job", job.fence, {"title": "x"})
                for follower in (one, two):
                    await until_state(follower, JobState.FAILED)
                    assert follower.status == statuses_of(repository).get("ada", "job")

    asyncio.run(run())


def test_a_place_changes_without_the_job(repository: Repository) -> None:
    async def run() -> None:
        add(repository, "first")
        async with watching(repository) as watcher:
            with watcher.following(add(repository, "second")) as follower:
                assert follower.status.forecast.place == 2
                repository.jobs.cancel("ada", "first")
                async with asyncio.timeout(PATIENCE_S):
                    while follower.status.forecast.place != 1:
                        await follower.wait()

    asyncio.run(run())


def test_a_deleted_job_ends_its_followers_alone(repository: Repository) -> None:
    async def run() -> None:
        async with watching(repository) as watcher:
            repository.scans.add(make_scan("other"))
            repository.jobs.add(make_job("gone", scans={"t1": "other"}))
            gone = statuses_of(repository).get("ada", "gone")
            with watcher.following(gone) as one, watcher.following(add(repository, "job")) as two:
                repository.jobs.cancel("ada", "gone")
                repository.scans.delete("ada", "other")
                async with asyncio.timeout(PATIENCE_S):
                    while not one.ended:
                        await one.wait()
                assert not two.ended
                await watcher.stop()
                assert two.ended

    asyncio.run(run())


def test_the_number_of_followers_costs_no_statements(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look is the same few statements for one follower and for 300 on 100 jobs."""
    monkeypatch.setattr("service.use_cases.job_changes.FORECAST_S", 0.0)
    looks: list[int] = []
    statements = statements_of(repository)
    look = JobChanges.look

    def counted(changes: JobChanges, *arguments: Any) -> Any:
        before = len(statements)
        news = look(changes, *arguments)
        looks.append(len(statements) - before)
        return news

    monkeypatch.setattr(JobChanges, "look", counted)

    async def cost(names: list[str], times: int) -> int:
        looks.clear()
        async with watching(repository) as watcher:
            with ExitStack() as stack:
                for name in names:
                    status = statuses_of(repository).get("ada", name)
                    for _ in range(times):
                        stack.enter_context(watcher.following(status))
                async with asyncio.timeout(PATIENCE_S):
                    while len(looks) < 3:
                        await asyncio.sleep(0.01)
        return looks[-1]

    for n in range(100):
        add(repository, f"job{n}")
    alone = asyncio.run(cost(["job1"], 1))
    assert 0 < alone < 20
    assert asyncio.run(cost([f"job{n}" for n in range(100)], 3)) == alone


def test_nobody_follows_nothing_is_read(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "POLL_S", 0.01)
    status = add(repository, "job")
    statements = statements_of(repository)

    async def run() -> None:
        async with watching(repository) as watcher:
            await asyncio.sleep(0.2)
            assert statements == []
            with watcher.following(status):
                async with asyncio.timeout(PATIENCE_S):
                    while not statements:
                        await asyncio.sleep(0.01)
            async with asyncio.timeout(PATIENCE_S):  # a look may be under way
                while await grown(statements):
                    pass

    asyncio.run(run())


async def grown(statements: list[str]) -> bool:
    before = len(statements)
    await asyncio.sleep(0.3)
    return len(statements) > before


def test_a_status_that_is_not_fetched_is_replaced(repository: Repository) -> None:
    async def run() -> None:
        async with watching(repository) as watcher:
            status = add(repository, "job")
            with watcher.following(status) as slow, watcher.following(status) as quick:
                repository.jobs.cancel("ada", "job")
                await until_state(quick, JobState.CANCELLED)
                assert slow.status is quick.status
                await slow.wait()

    asyncio.run(run())


@contextmanager
def outage(url: str) -> Iterator[None]:
    """Ends all connections to the database, and refuses new ones."""
    name = make_url(url).database
    admin = create_engine(make_url(url).set(database="template1"), isolation_level="AUTOCOMMIT")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        try:
            connection.execute(text(end), {"name": name})
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()


def test_an_outage_of_the_database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The follower waits, and is told of what happened meanwhile."""
    monkeypatch.setattr(watcher_module, "RETRY_S", 0.05)
    repository = Repository(postgres_url)
    repository.migrate()
    repository.scans.add(make_scan())
    status = add(repository, "job")
    failed = threading.Event()
    report = JobWatcher._report

    def reported(watcher: JobWatcher, reason: str) -> None:
        report(watcher, reason)
        if reason:
            failed.set()

    monkeypatch.setattr(JobWatcher, "_report", reported)

    async def run() -> None:
        async with watching(repository) as watcher:
            with watcher.following(status) as follower:
                with outage(postgres_url):
                    async with asyncio.timeout(PATIENCE_S):
                        while not failed.is_set():
                            await asyncio.sleep(0.01)
                    assert not follower.ended
                repository.jobs.cancel("ada", "job")
                await until_state(follower, JobState.CANCELLED)

    asyncio.run(run())
    repository.close()


def test_other_requests_are_served_while_hundreds_of_followers_write() -> None:
    order: list[str] = []

    async def write(follower: Follower[JobStatus]) -> None:
        await follower.wait()
        order.append("follower")

    async def serve() -> None:
        while True:
            order.append("request")
            await asyncio.sleep(0)

    async def run() -> None:
        followers = [Follower(JobStatus(make_job(), Forecast(), ListedJob())) for _ in range(200)]
        writing = [asyncio.create_task(write(one)) for one in followers]
        await asyncio.sleep(0)
        serving = asyncio.create_task(serve())
        await watcher_module._offer([(one, one.status) for one in followers])
        await asyncio.gather(*writing)
        serving.cancel()

    asyncio.run(run())
    runs = "".join(one[0] for one in order).split("r")
    assert sum(map(len, runs)) == 200
    assert max(map(len, runs)) <= watcher_module.AT_ONCE
