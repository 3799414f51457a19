"""Workers announce themselves; a job that none can serve says so."""

import time
from collections.abc import Callable

import pytest

from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.job import Job
from jobs.repository import Forecast, Repository, workers

Make = Callable[..., Job]


def announced(name: str, *queues: str, state: WorkerState = WorkerState.READY) -> AnnouncedWorker:
    return AnnouncedWorker(name, queues, "1", state, 5.0)


def forecast(repository: Repository, name: str) -> Forecast:
    return repository.forecasts.of([repository.jobs.by_id(name)])[name]


def test_announced_until_removed(repository: Repository) -> None:
    first, second = announced("one", "any", "cpu"), announced("two", "any")
    repository.workers.announce(first)
    repository.workers.announce(second)
    repository.workers.announce(announced("one", "any", "cpu", state=WorkerState.DRAINING))
    one, two = repository.workers.running()
    assert (one.name, one.queues, one.state) == ("one", ("any", "cpu"), WorkerState.DRAINING)
    assert abs(one.seen_at - time.time()) < 60
    repository.workers.remove("one")
    assert repository.workers.running() == [two]
    repository.workers.remove("one")


def test_a_silent_worker_is_lost_until_it_wakes(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.workers.announce(announced("one", "any"))
    assert repository.workers.remove_silent() == []
    monkeypatch.setattr(workers, "SILENT_S", -1.0)
    assert repository.workers.running() == []
    assert repository.workers.remove_silent() == ["one"]
    monkeypatch.undo()
    assert repository.workers.running() == []
    repository.workers.announce(announced("one", "any"))
    assert [worker.name for worker in repository.workers.running()] == ["one"]


def test_a_job_that_no_worker_can_serve(stocked: Repository, job_of: Make) -> None:
    stocked.jobs.add(job_of("old", queue="gpu"))
    stocked.jobs.add(job_of("new", queue="gpu", created_at=time.time()))
    assert forecast(stocked, "old") == Forecast(place=1, no_worker=True)
    assert forecast(stocked, "new") == Forecast(place=2), "a worker may just be starting"
    for queues, state, served in (
        (("any", "cpu"), WorkerState.READY, False),
        (("any", "gpu"), WorkerState.DRAINING, False),
        (("any", "gpu"), WorkerState.STARTING, True),
        (("any", "gpu"), WorkerState.READY, True),
    ):
        stocked.workers.announce(announced("one", *queues, state=state))
        assert forecast(stocked, "old").no_worker is not served
    stocked.workers.remove("one")
    assert forecast(stocked, "old").no_worker


def test_a_worker_of_an_earlier_version_may_serve_any_queue(
    stocked: Repository, job_of: Make
) -> None:
    """It announces nothing, but holds a job."""
    stocked.jobs.add(job_of("old", queue="gpu"))
    stocked.jobs.add(job_of("held"))
    assert stocked.leases.claim("held", "earlier", 60)
    assert not forecast(stocked, "old").no_worker
    stocked.workers.announce(announced("earlier", "any", "cpu"))
    assert forecast(stocked, "old").no_worker


def test_places_are_counted_in_the_jobs_own_queue(stocked: Repository, job_of: Make) -> None:
    for n in range(4):
        stocked.jobs.add(job_of(f"job{n}", queue=("any", "gpu")[n % 2]))
    assert [forecast(stocked, f"job{n}").place for n in range(4)] == [1, 1, 2, 2]
