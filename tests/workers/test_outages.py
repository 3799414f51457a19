"""An outage of a part spends no attempt, however long it lasts: with real parts that are killed."""

import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imaging.errors import Part, Unavailable
from inference.engine import Engine
from jobs.job import JobState
from jobs.settings import Settings
from models.registry import Registry
from tests.support.cluster import Cluster, noise
from tests.support.convolutions import network
from tests.support.disk import fill, mounted
from tests.support.job_runner import Parts, job_runner
from tests.support.s3 import ObjectStore, bucket_of
from workers.breaker import Breaker

LEASE_S = 1.5
LONG_LEASE_S = 4.0
NAMES = [f"job{n}" for n in range(8)]


def opened(tmp_path: Path, lease_s: float, **changes: Any) -> Iterator[Cluster]:
    settings = Settings(
        data=tmp_path / "data",
        broker_url="file://",
        lease_s=lease_s,
        sweep_interval_s=0.2,
        max_attempts=2,
        **changes,
    )
    card = network(settings.added_models / "small", "small", 16)
    cluster = Cluster(settings, card, tmp_path)
    cluster.scan(noise(tmp_path / "scan.nii", 48))
    yield cluster
    cluster.end()


@pytest.fixture
def stored_in_s3(tmp_path: Path, own_object_store: ObjectStore) -> Iterator[Cluster]:
    yield from opened(tmp_path, LEASE_S, **bucket_of(own_object_store.endpoint))


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Cluster]:
    yield from opened(tmp_path, LONG_LEASE_S, database_url=postgres_url)


def all_with_one_attempt(cluster: Cluster) -> None:
    cluster.until(lambda: cluster.over(*NAMES))
    for name in NAMES:  # a lease may expire where the machine is very busy
        assert 1 <= cluster.job(name).attempt <= 1 + cluster.lost(name)


def test_the_object_store_is_down_for_more_than_three_leases(
    stored_in_s3: Cluster, own_object_store: ObjectStore
) -> None:
    cluster = stored_in_s3
    cluster.worker(), cluster.worker()
    cluster.until(lambda: cluster.ready() == 2)
    for name in NAMES[:2]:
        cluster.ask(name)
    cluster.begun(NAMES[0], tiles=0)
    own_object_store.kill()
    began = time.monotonic()
    for name in NAMES[2:]:
        cluster.ask(name)
    cluster.until(lambda: all("waiting for the object store" in w.said for w in cluster.workers))
    cluster.until(lambda: time.monotonic() > began + 3.2 * LEASE_S)
    jobs = [cluster.job(name) for name in NAMES]
    assert any(job.progress.waiting_for == Part.STORE for job in jobs)
    queued = [job for job in jobs if job.state is JobState.QUEUED]
    forecasts = cluster.repository.forecasts.of
    cluster.until(lambda: {f.waiting_for for f in forecasts(queued).values()} == {Part.STORE})
    assert all(job.error is None and job.attempt <= 1 for job in jobs)
    assert not any(job.state is JobState.FAILED for job in jobs)
    claims = sum(job.fence for job in jobs)
    time.sleep(2.5)
    assert sum(cluster.job(name).fence for name in NAMES) == claims, "a worker goes on claiming"
    own_object_store.start()
    all_with_one_attempt(cluster)


def test_a_worker_that_waits_for_the_store_ends_when_it_is_told(
    stored_in_s3: Cluster, own_object_store: ObjectStore
) -> None:
    cluster = stored_in_s3
    worker = cluster.worker()
    cluster.until(lambda: worker.ready)
    own_object_store.kill()
    cluster.ask("job")
    cluster.until(lambda: "no job is claimed" in worker.said)
    assert worker.end() == 0
    assert (cluster.job("job").state, cluster.job("job").attempt) == (JobState.QUEUED, 0)
    own_object_store.start()
    cluster.worker()
    cluster.until(lambda: cluster.over("job"))


def test_the_database_is_stopped_for_longer_than_a_lease(
    on_postgres: Cluster, own_postgres: Any
) -> None:
    """The jobs that run continue, and no worker loses one."""
    cluster = on_postgres
    cluster.worker(), cluster.worker()
    cluster.until(lambda: cluster.ready() == 2)
    for name in NAMES:
        cluster.ask(name)
    cluster.begun(NAMES[0], tiles=1)
    own_postgres.stop()
    time.sleep(1.5 * LONG_LEASE_S)
    own_postgres.start()
    all_with_one_attempt(cluster)
    assert not any("its worker was lost" in worker.said for worker in cluster.workers)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", 24) as folder:
        yield folder


@pytest.fixture
def on_disk(idle_cluster: Cluster, small_disk: Path) -> Parts:
    engine = Engine(Registry(idle_cluster.settings.added_models), "cpu", threads=1)
    return Parts(idle_cluster, engine, small_disk)


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_is_full_or_read_only_is_waited_for(
    on_disk: Parts, idle_cluster: Cluster, small_disk: Path, fault: str
) -> None:
    filler = fill(small_disk) if fault == "full" else None
    if filler is None:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    engine = Filling(on_disk, small_disk) if filler else on_disk.engine
    idle_cluster.ask("job", send=0)
    worker = threading.Thread(target=job_runner(replace(on_disk, engine=engine)).run, args=("job",))
    worker.start()
    idle_cluster.until(lambda: idle_cluster.job("job").progress.waiting_for)
    job = idle_cluster.job("job")
    assert (job.state, job.attempt, job.error) == (JobState.QUEUED, 0, None)
    assert job.progress.waiting_for == Part.DISK
    time.sleep(0.5)
    assert worker.is_alive()
    if filler:
        filler.unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    worker.join(60)
    assert not worker.is_alive()
    job_runner(on_disk).run("job")
    assert idle_cluster.over("job")
    assert idle_cluster.job("job").attempt == 1


class Filling(Engine):
    """The real engine, after it has written files until the disk was full."""

    def __init__(self, parts: Parts, disk: Path) -> None:
        super().__init__(Registry(parts.cluster.settings.added_models), "cpu", threads=1)
        self._disk = disk

    def segment(self, scans: Any, model: Any, folder: Path, *rest: Any) -> Any:
        fill(folder)
        (folder / "last").write_bytes(bytes(1 << 20))
        return super().segment(scans, model, folder, *rest)


def test_a_job_that_fills_the_disk_by_itself_is_an_attempt(
    on_disk: Parts, idle_cluster: Cluster, small_disk: Path
) -> None:
    idle_cluster.ask("job", send=0)
    runner = job_runner(
        replace(on_disk, engine=Filling(on_disk, small_disk), changes={"max_attempts": 2})
    )
    for attempt, state in ((1, JobState.QUEUED), (2, JobState.FAILED)):
        assert runner.run("job")
        job = idle_cluster.job("job")
        assert (job.state, job.attempt) == (state, attempt)
        assert job.error is not None
        assert job.error["status"] == 507
    assert not list(small_disk.iterdir())


def test_a_breaker_opens_only_for_a_part_that_fails_its_probe() -> None:
    faults = [Unavailable("x", part=Part.STORE)] * 3

    def probe() -> None:
        if faults:
            raise faults.pop()

    breaker = Breaker({Part.STORE: probe, Part.DISK: lambda: None})
    assert not breaker.opens(Part.DISK)
    assert breaker.opens(Part.STORE)
    breaker.wait(lambda: False)
    assert not faults
    assert not breaker.opens(Part.STORE)


def test_a_breaker_insists_on_a_part_alone() -> None:
    answers: list[Any] = [Unavailable("x", part=Part.DATABASE)] * 2 + ["done"]

    def step() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    breaker = Breaker({})
    failed: list[Part] = []
    assert breaker.insist(step, lambda: False, failed.append) == "done"
    assert failed == [Part.DATABASE] * 2
    answers = [Unavailable("too little memory")]
    with pytest.raises(Unavailable):
        breaker.insist(step, lambda: False)
    answers = [Unavailable("x", part=Part.DATABASE)] * 2
    with pytest.raises(Unavailable):
        breaker.insist(step, lambda: True)
    assert len(answers) == 1
