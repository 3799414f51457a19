"""How a worker's process ends decides whether its job is charged for it."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from jobs.job import JobState
from tests.support.cluster import Worker
from workers.memory_kills import memory_kills
from workers.worker_end import WorkerEnd

IMPORTED = "import celery.apps.worker, kombu.pidbox, workers.worker\n"
"""So that every process of the worker that is forked has them."""
ABORTS = f"""{IMPORTED}
import os
from inference.engine import Engine
Engine.segment = lambda *_given: os.abort()
"""
OUT_OF_MEMORY = f"""{IMPORTED}
import os, signal
from functools import partial
from pathlib import Path
from inference.engine import Engine
from workers import supervisor
root = Path("ROOT")
supervisor.memory_kills = partial(supervisor.memory_kills, root)
def killed(*_given):
    counter = root / "sys/fs/cgroup/memory.events"
    count = int(counter.read_text().split()[-1])
    counter.write_text(f"oom 1\\noom_kill {{count + 1}}\\n")
    os.kill(os.getpid(), signal.SIGKILL)
Engine.segment = killed
"""
"""A worker that is killed in every job, and counted as the kernel counts it, in a file."""


def charged(cluster: Any, worker: Worker, attempts: int) -> Any:
    """The job once it has failed after so many crashes."""
    cluster.until(lambda: worker.ready)
    cluster.ask("job")
    cluster.until(lambda: cluster.job("job").state is JobState.FAILED)
    job = cluster.job("job")
    assert (job.attempt, job.fence) == (attempts, attempts)
    assert worker.process.poll() is None, "the supervisor goes on"
    return job


def test_workers_are_killed_at_random_moments(lasting_cluster: Any, undisturbed: str) -> None:
    """SIGKILL of the process that runs jobs: no attempt, and no wait for a lease of ten minutes."""
    cluster, dice = lasting_cluster, random.Random(1)
    workers = [cluster.worker(), cluster.worker()]
    cluster.until(lambda: cluster.ready() == 2)
    names = [f"job{n}" for n in range(4)]
    for name in names:
        cluster.ask(name)
    for kill in range(3):
        name = names[kill]
        cluster.begun(name, tiles=dice.randrange(40))
        victim = workers[kill % 2]
        if Path(f"/proc/{victim.child}").exists():
            os.kill(victim.child, signal.SIGKILL)
    cluster.until(lambda: cluster.over(*names))
    jobs = [cluster.job(name) for name in names]
    assert {job.attempt for job in jobs} == {1}
    assert {job.mask_sha256 for job in jobs} == {undisturbed}
    assert sum(job.fence for job in jobs) > len(jobs), "some were begun again"
    assert not any("its worker was lost" in worker.said for worker in workers)


def test_the_supervisor_is_killed(lasting_cluster: Any, undisturbed: str) -> None:
    """The worker notices, gives its job back and ends."""
    cluster = lasting_cluster
    first = cluster.worker()
    cluster.ask("job")
    cluster.begun("job", tiles=3)
    child = first.child
    os.kill(first.process.pid, signal.SIGKILL)
    cluster.until(lambda: not Path(f"/proc/{child}").exists())
    job = cluster.job("job")
    assert (job.state, job.attempt) in ((JobState.QUEUED, 0), (JobState.SUCCEEDED, 1))
    cluster.worker()
    cluster.until(lambda: cluster.over("job"))
    assert cluster.job("job").attempt == 1
    assert cluster.job("job").mask_sha256 == undisturbed


def test_a_job_that_kills_its_worker_ends_after_three(lasting_cluster: Any) -> None:
    worker = lasting_cluster.worker(ABORTS, TESSERA_MAX_ATTEMPTS="3")
    job = charged(lasting_cluster, worker, attempts=3)
    assert job.error["title"] == "Worker crashed"
    assert "SIGABRT" in job.error["detail"]
    assert worker.end() == 0


def test_the_memory_killer_is_named(lasting_cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.events").write_text("oom 3\noom_kill 3\n")
    prelude = OUT_OF_MEMORY.replace("ROOT", str(tmp_path))
    worker = lasting_cluster.worker(prelude, TESSERA_MAX_ATTEMPTS="1")
    job = charged(lasting_cluster, worker, attempts=1)
    assert job.error["title"] == "Worker out of memory"
    assert "TESSERA_MEMORY_BYTES" in job.error["hint"]


def test_settings_that_are_wrong_end_the_supervisor(idle_cluster: Any) -> None:
    worker = idle_cluster.worker(TESSERA_DEVICE="tensorrt")
    assert worker.process.wait(120) == 2
    assert "tensorrt" in worker.said


def test_a_draining_worker_finishes_its_job(lasting_cluster: Any, undisturbed: str) -> None:
    cluster = lasting_cluster
    first = cluster.worker(TESSERA_DRAIN_S="600")
    cluster.ask("job")
    cluster.ask("next")
    cluster.begun("job", tiles=2)
    assert first.end() == 0
    assert (cluster.job("job").state, cluster.job("job").attempt) == (JobState.SUCCEEDED, 1)
    assert cluster.job("job").mask_sha256 == undisturbed
    assert (cluster.job("next").state, cluster.job("next").fence) == (JobState.QUEUED, 0)


def test_a_draining_worker_that_is_killed_costs_no_attempt(cluster: Any, tmp_path: Path) -> None:
    cluster.scan(cluster.noise(tmp_path / "large.nii", 160), "large")
    first = cluster.worker(TESSERA_DRAIN_S="600")
    cluster.ask("job", scan="large")
    job = cluster.begun("job", tiles=2)
    assert job.attempt == 1
    first.process.terminate()
    cluster.until(lambda: cluster.job("job").attempt == 0)
    first.kill()
    cluster.worker()
    job = cluster.begun("job", fence=2)
    assert (job.state, job.attempt) == (JobState.RUNNING, 1)


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"sys/fs/cgroup/memory.events": "low 0\nmax 2\noom 1\noom_kill 4\noom_group_kill 9\n"}, 4),
        (
            {
                "proc/self/cgroup": "0::/system.slice/tessera.service\n",
                "sys/fs/cgroup/system.slice/tessera.service/memory.events": "oom 1\noom_kill 2\n",
                "sys/fs/cgroup/memory.events": "oom_kill 7\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,memory:/docker/abc\n1:name=systemd:/\n0::/\n",
                "sys/fs/cgroup/memory/docker/abc/memory.oom_control": "under_oom 0\noom_kill 5\n",
                "sys/fs/cgroup/memory/memory.oom_control": "under_oom 0\noom_kill 8\n",
            },
            5,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/docker/abc\n",
                "sys/fs/cgroup/memory/memory.oom_control": "under_oom 0\noom_kill 8\n",
            },
            8,
        ),
        ({"proc/vmstat": "nr_free_pages 1\noom_kill 6\n", "proc/self/cgroup": "0::/\n"}, 6),
        ({}, 0),
    ],
)
def test_where_the_kernel_counts(tmp_path: Path, files: dict[str, str], count: int) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory_kills(tmp_path) == count


def test_this_systems_count_can_be_read() -> None:
    assert memory_kills() >= 0


@pytest.mark.parametrize(
    ("status", "out_of_memory", "on_purpose", "title"),
    [
        (0, False, True, ""),
        (-signal.SIGKILL, False, True, ""),
        (-signal.SIGTERM, True, True, ""),
        (-signal.SIGKILL, True, False, "Worker out of memory"),
        (-signal.SIGSEGV, False, False, "Worker crashed"),
        (-signal.SIGBUS, True, False, "Worker crashed"),
        (-signal.SIGABRT, False, False, "Worker crashed"),
        (3, False, False, "Worker crashed"),
    ],
)
def test_what_an_end_means(status: int, out_of_memory: bool, on_purpose: bool, title: str) -> None:
    end = WorkerEnd(status, out_of_memory)
    assert end.on_purpose == on_purpose
    if not on_purpose:
        assert end.problem["title"] == title
        assert end.problem["hint"]
