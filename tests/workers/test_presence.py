"""A worker announces itself when it starts, when it is ready and when it ends."""

from pathlib import Path

import pytest
from celery.worker import state

from imaging.errors import Part, Unavailable
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.repository import Repository, Workers
from tests.support.cluster import Cluster
from tests.support.migrated import migrated
from tests.support.waiting import until
from workers import presence
from workers.breaker import Breaker
from workers.presence import Presence
from workers.shutdown import Shutdown


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return migrated(f"sqlite:///{tmp_path / 'tessera.db'}")


def states(repository: Repository) -> list[WorkerState]:
    return [worker.state for worker in repository.workers.running()]


def test_every_state_is_announced(repository: Repository) -> None:
    shutdown = Shutdown()
    with Presence(repository.workers, "w", ("any", "cpu"), shutdown, Breaker({})) as own:
        until(lambda: states(repository) == [WorkerState.STARTING])
        own.ready()
        until(lambda: states(repository) == [WorkerState.READY])
        (worker,) = repository.workers.running()
        assert (worker.name, worker.queues) == ("w", ("any", "cpu"))
        shutdown.on_signal(15, None)
        until(lambda: states(repository) == [WorkerState.DRAINING])
    assert states(repository) == []
    state.should_stop = None


def test_what_a_worker_waits_for_is_announced(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_LOOK_S", 0.01)
    breaker = Breaker({Part.STORE: down})
    with Presence(repository.workers, "w", ("any",), Shutdown(), breaker):
        until(lambda: repository.workers.running())
        assert repository.workers.running()[0].waiting_for is None
        assert breaker.opens(Part.STORE)
        until(lambda: repository.workers.running()[0].waiting_for == "the object store")


def down() -> None:
    raise Unavailable("The object store does not answer.", part=Part.STORE)


def test_announced_again_and_again(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_LOOK_S", 0.01)
    monkeypatch.setattr(presence, "_BEAT_S", 0.02)
    with Presence(repository.workers, "w", ("any",), Shutdown(), Breaker({})):
        until(lambda: repository.workers.running())
        repository.workers.remove("w")  # as a sweeper does while this worker is frozen
        until(lambda: repository.workers.running())


def test_an_outage_of_the_database(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_LOOK_S", 0.01)
    outages = [Unavailable("The database does not answer.")] * 3
    announce = Workers.announce

    def sometimes(workers: Workers, worker: AnnouncedWorker) -> None:
        if outages:
            raise outages.pop()
        announce(workers, worker)

    monkeypatch.setattr(Workers, "announce", sometimes)
    with Presence(repository.workers, "w", ("any",), Shutdown(), Breaker({})):
        until(lambda: states(repository) == [WorkerState.STARTING])
    assert not outages


@pytest.mark.process
@pytest.mark.slow
def test_a_real_worker(idle_cluster: Cluster) -> None:
    worker = idle_cluster.worker()
    until(lambda: states(idle_cluster.repository) == [WorkerState.READY])
    (announced,) = idle_cluster.repository.workers.running()
    assert announced.name == worker.name
    assert announced.queues == ("any", "cpu")
    worker.end()
    assert states(idle_cluster.repository) == []
