"""Workers on RabbitMQ, which keeps messages when it is killed, and takes back those that a worker
holds for too long."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.job import JobState
from jobs.settings import Settings
from tests.support.cluster import Cluster, noise
from tests.support.convolutions import network
from tests.support.freezing import frozen
from tests.support.rabbitmq import CONSUMER_TIMEOUT_S, RabbitMQ
from tests.support.s3 import ObjectStore, bucket_of

pytestmark = pytest.mark.slow
NAMES = [f"job{n}" for n in range(3)]


def opened(tmp_path: Path, url: str, **changes: Any) -> Iterator[Cluster]:
    """A cluster with a lease longer than any pause of the machine."""
    parts = {"data": tmp_path / "data", "broker_url": url, **changes}
    settings = Settings(sweep_interval_s=0.25, lease_s=60.0, **parts)
    card = network(settings.added_models / "small", "small", 16)
    cluster = Cluster(settings, card, tmp_path)
    cluster.scan(noise(tmp_path / "scan.nii", 48))
    yield cluster
    cluster.end()


@pytest.fixture
def cluster(tmp_path: Path, rabbitmq: RabbitMQ) -> Iterator[Cluster]:
    yield from opened(tmp_path, rabbitmq.url)


@pytest.fixture
def on_s3(tmp_path: Path, rabbitmq: RabbitMQ, own_object_store: ObjectStore) -> Iterator[Cluster]:
    yield from opened(tmp_path, rabbitmq.url, **bucket_of(own_object_store.endpoint))


def check_done(cluster: Cluster, *names: str) -> None:
    """All succeed in one attempt, as a job that nothing disturbs does, and no message is left."""
    cluster.ask("undisturbed", priority=0)
    cluster.until(lambda: cluster.over(*names, "undisturbed"))
    jobs = [cluster.job(name) for name in (*names, "undisturbed")]
    assert [job.attempt for job in jobs] == [1] * len(jobs)
    assert len({job.mask_sha256 for job in jobs}) == 1
    cluster.until(lambda: cluster.queue.waiting() == 0)


def test_killed_and_started_again_while_jobs_wait_and_run(
    cluster: Cluster, rabbitmq: RabbitMQ
) -> None:
    for n, name in enumerate(NAMES):
        cluster.ask(name, priority=n + 1)
    worker = cluster.worker()
    cluster.begun(NAMES[2], tiles=1)
    assert not cluster.over(*NAMES), "too late: nothing waits any more"
    rabbitmq.kill()
    rabbitmq.start()
    check_done(cluster, *NAMES)
    done = sorted(NAMES, key=lambda name: cluster.job(name).finished_at or 0)
    assert done == NAMES[::-1], "not by priority"
    assert worker.end() == 0


def test_a_worker_is_killed_and_another_drains(cluster: Cluster, tmp_path: Path) -> None:
    """Neither costs an attempt: the parent saw the kill, and the other was told to end."""
    cluster.scan(noise(tmp_path / "large.nii", 72), "large")
    killed = cluster.worker()
    for name in NAMES[:2]:
        cluster.ask(name, scan="large")
    cluster.begun(NAMES[0], tiles=1)
    os.kill(killed.child, signal.SIGKILL)
    cluster.begun(NAMES[0], tiles=1, fence=2)
    assert killed.end() == 0
    job = cluster.job(NAMES[0])
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    cluster.worker()
    cluster.until(lambda: cluster.over(*NAMES[:2]))
    assert [cluster.job(name).attempt for name in NAMES[:2]] == [1, 1]


def test_a_message_that_is_held_for_too_long(cluster: Cluster) -> None:
    """RabbitMQ takes it back and closes the channel; the worker ends its job, and runs others."""
    worker = cluster.worker()
    cluster.ask(NAMES[0])
    cluster.begun(NAMES[0], tiles=1)
    cluster.freeze(worker)
    time.sleep(2 * CONSUMER_TIMEOUT_S)
    cluster.ask(NAMES[1])
    worker.signal(signal.SIGCONT)
    check_done(cluster, *NAMES[:2])
    assert worker.end() == 0
    assert worker.said.count(": ready") == 1, "it was started again"


def test_a_worker_that_waits_for_the_store_keeps_its_message_or_gets_it_again(
    on_s3: Cluster, own_object_store: ObjectStore
) -> None:
    """It neither loses a message nor goes round and round, also when the message is taken back."""
    cluster = on_s3
    worker = cluster.worker()
    cluster.until(lambda: worker.ready)
    own_object_store.kill()
    for name in NAMES[:2]:
        cluster.ask(name)
    cluster.until(lambda: "no job is claimed" in worker.said)
    claims = sum(cluster.job(name).fence for name in NAMES[:2])
    time.sleep(2 * CONSUMER_TIMEOUT_S)
    assert sum(cluster.job(name).fence for name in NAMES[:2]) == claims
    assert len(worker.said.splitlines()) < 30, worker.said
    own_object_store.start()
    check_done(cluster, *NAMES[:2])
    assert len(worker.said.splitlines()) < 60, worker.said


def test_a_worker_ends_while_rabbitmq_is_frozen(cluster: Cluster, rabbitmq: RabbitMQ) -> None:
    worker = cluster.worker()
    cluster.ask("job")
    cluster.begun("job", tiles=1)
    assert rabbitmq.process is not None
    with frozen(rabbitmq.process.pid):
        assert worker.end() == 0
    job = cluster.job("job")
    assert (job.state, job.attempt) in ((JobState.QUEUED, 0), (JobState.SUCCEEDED, 1))
