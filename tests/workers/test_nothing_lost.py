"""Nothing is lost and nothing done twice, whoever dies: workers, broker or gateway.

Real workers in process groups of their own, on Redis with a visibility timeout of a day and on the
file transport; what happened is read from the database alone.
"""

import logging
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs.job import Job, JobState

log = logging.getLogger(__name__)

KILLS = 6
"""On each of the two brokers."""
LATE_S = 5.0
"""A job begins again within the lease and this."""

KILLED_WHEN_SENDING = """
import os, signal
from jobs.queue import Queue
Queue.send = lambda self, job: os.kill(os.getpid(), signal.SIGKILL)
"""
"""What makes of a gateway one that is killed when it is about to send a message."""
STOPPED_WHEN_FINISHING = """
import os, signal
from pathlib import Path
from jobs.repository import Leases
finish = Leases.finish
def late(self, *given, **named):
    while not Path({go!r}).exists():
        os.kill(os.getpid(), signal.SIGSTOP)
    return finish(self, *given, **named)
Leases.finish = late
"""
"""What makes of a worker one that stops when it is about to hand in its mask, until a file is
there: if it was stopped within another thread's write, it has to be stopped again."""


def one_mask(cluster: Any, undisturbed: str, *names: str) -> None:
    """All succeeded with the undisturbed run's mask, and nothing else was stored."""
    jobs = [cluster.job(name) for name in names]
    assert {job.mask_sha256 for job in jobs} == {undisturbed}
    scan = cluster.repository.scans.get("ada", "scan")
    assert cluster.stored() == {undisturbed, jobs[0].preview_sha256, scan.sha256}


def test_workers_are_killed_at_random_tiles(cluster: Any, undisturbed: str) -> None:
    """SIGKILL of the whole group, 12 times on both brokers; every message was sent twice."""
    dice = random.Random(cluster.settings.broker_url == "file://")
    killed: Counter[str] = Counter()
    waits: list[float] = []
    for _ in range(3):
        cluster.worker()
    while killed.total() < KILLS:
        name = f"job{len(killed)}"
        cluster.ask(name, send=2)
        killed[name] = 0
        while killed.total() < KILLS and killed[name] < 7:
            cluster.until(lambda: cluster.ready() >= 2)
            job = cluster.begun(name, dice.randrange(60), fence=killed[name] + 1)
            if job.state is JobState.SUCCEEDED:
                break
            began = time.time()
            cluster.holder(job).kill()
            cluster.worker()
            if cluster.job(name).state is JobState.SUCCEEDED:
                break
            killed[name] += 1
            waits.append((restarted(cluster, job).started_at or 0) - began)
        cluster.until(lambda name=name: cluster.over(name))
    log.info("%d kills, begun again after %.2f to %.2f s", KILLS, min(waits), max(waits))
    assert len(waits) == KILLS
    assert max(waits) <= cluster.settings.lease_s + LATE_S
    for name, kills in killed.items():
        assert kills < cluster.job(name).attempt <= 1 + max(kills, cluster.lost(name))
    one_mask(cluster, undisturbed, *killed)


def restarted(cluster: Any, lost: Job) -> Job:
    def look() -> Job | None:
        job = cluster.job(lost.id)
        return job if job.fence > lost.fence else None

    return cluster.until(look)


def done_by_another(cluster: Any, first: Job) -> Job:
    """The job of a stopped worker, once another has done it."""
    cluster.until(lambda: cluster.over(first.id))
    done: Job = cluster.job(first.id)
    assert done.attempt == 1 + cluster.lost(first.id) >= 2
    assert done.worker != first.worker
    return done


def test_a_stopped_worker_comes_back_too_late(cluster: Any, undisturbed: str) -> None:
    """SIGSTOP past the lease while another finishes, then SIGCONT: the first is refused."""
    cluster.worker(), cluster.worker()
    cluster.until(lambda: cluster.ready() == 2)
    cluster.ask("job")
    first = cluster.begun("job", tiles=5)
    assert first.state is JobState.RUNNING
    stopped = cluster.holder(first)
    cluster.freeze(stopped)
    done = done_by_another(cluster, first)
    stopped.signal(signal.SIGCONT)
    cluster.until(lambda: "stopped; it was lost" in stopped.said)
    assert cluster.job("job") == done
    one_mask(cluster, undisturbed, "job")


def test_a_finish_that_comes_too_late(cluster: Any, undisturbed: str, tmp_path: Path) -> None:
    """A worker that stops with its mask made, when it is about to say so, is refused."""
    go = tmp_path / "go"
    late = cluster.worker(STOPPED_WHEN_FINISHING.format(go=str(go)))
    cluster.until(lambda: cluster.ready() == 1)
    cluster.ask("job")
    cluster.until(lambda: late.stopped)
    cluster.freeze(late)
    first = cluster.job("job")
    assert first.state is JobState.RUNNING

    cluster.worker()
    done = done_by_another(cluster, first)
    go.touch()

    def dropped() -> bool:
        late.signal(signal.SIGCONT)  # again: it may just have been about to stop itself
        return "lost; its mask is dropped" in late.said

    cluster.until(dropped)
    assert cluster.job("job") == done
    one_mask(cluster, undisturbed, "job")


def test_the_sweeper_sends_what_a_killed_gateway_stored(cluster: Any, undisturbed: str) -> None:
    """The gateway dies between marking a job as sent and sending it."""
    options = {"device": "cpu", "precision": "fp32", "tile": [24]}
    sweep = {"TESSERA_SWEEP_INTERVAL_S": "3600"}  # it is the request that is killed
    with cluster.gateway(KILLED_WHEN_SENDING, **sweep) as (client, gateway):
        files = {"files": ("scan", (cluster.settings.data.parent / "scan.nii").read_bytes())}
        scan = client.post("/v1/scans", files=files).json()["id"]
        asked = {"scan": scan, "model": cluster.card.name, "options": options}
        with suppress(httpx.TransportError):  # the answer may be out before
            assert client.post("/v1/jobs", json=asked).status_code == 202
        assert gateway.wait(60) == -signal.SIGKILL
        assert not cluster.answers(client)
    (job,) = cluster.repository.worklist.page("local")[0]
    assert job.state is JobState.QUEUED
    assert job.sent_at is not None
    assert cluster.queue.waiting() == 0
    cluster.worker()
    cluster.until(lambda: cluster.over(job.id))
    assert cluster.job(job.id).attempt == 1 + cluster.lost(job.id)
    one_mask(cluster, undisturbed, job.id)


def test_messages_that_come_twice(patient_cluster: Any, undisturbed: str) -> None:
    """One lies before its job is done, one after; with two workers at once."""
    cluster = patient_cluster
    names = [f"job{n}" for n in range(3)]
    for name in names:
        cluster.ask(name, send=2)
    cluster.worker(), cluster.worker()
    cluster.until(lambda: cluster.over(*names))
    was = [cluster.job(name) for name in names]
    cluster.until(lambda: cluster.queue.waiting() == 0)
    for job in was:
        cluster.queue.send(job)
    cluster.until(lambda: cluster.queue.waiting() == 0)
    cluster.until(lambda: sum(w.said.count("dropped") for w in cluster.workers) == 6)
    assert [cluster.job(name) for name in names] == was
    assert [job.attempt for job in was] == [1, 1, 1]
    one_mask(cluster, undisturbed, *names)


def test_redis_is_killed_and_starts_empty(redis_cluster: Any, redis: Any, undisturbed: str) -> None:
    """Once while nobody works, once while a worker computes."""
    cluster = redis_cluster
    names = [f"job{n}" for n in range(4)]
    for name in names:
        cluster.ask(name)
    redis.kill()
    redis.start()
    assert cluster.queue.waiting() == 0
    cluster.worker()
    cluster.begun("job0", tiles=5)
    redis.kill()
    cluster.until(lambda: "Cannot connect" in cluster.workers[0].said or cluster.over("job0"))
    redis.start()
    cluster.until(lambda: cluster.over(*names))
    attempts = [cluster.job(name).attempt for name in names]
    assert attempts == [1 + cluster.lost(name) for name in names]
    one_mask(cluster, undisturbed, *names)


def test_a_worker_told_to_end_gives_its_job_back(patient_cluster: Any, undisturbed: str) -> None:
    """SIGTERM: queued again at once, the attempt not counted; the next worker does it."""
    cluster = patient_cluster
    first = cluster.worker()
    cluster.ask("job")
    cluster.begun("job", tiles=3)
    assert first.end() == 0
    back = cluster.job("job")
    assert (back.state, back.attempt) == (JobState.QUEUED, 0)
    cluster.worker()
    cluster.until(lambda: cluster.over("job"))
    assert cluster.job("job").attempt == 1
    one_mask(cluster, undisturbed, "job")


def test_a_worker_waits_for_a_broker_that_is_not_there_yet(
    redis_cluster: Any, redis: Any, undisturbed: str
) -> None:
    cluster = redis_cluster
    redis.kill()
    cluster.ask("job", send=0)
    worker = cluster.worker()
    cluster.until(lambda: "Cannot connect" in worker.said)
    assert worker.process.poll() is None
    redis.start()
    cluster.until(lambda: cluster.over("job"))
    one_mask(cluster, undisturbed, "job")


if not hasattr(os, "killpg"):
    pytest.skip("process groups are POSIX's", allow_module_level=True)
