"""While a short job is computed, the next one is claimed and fetched, and no other."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.engine import Engine
from jobs.job import JobState
from models.registry import Registry
from tests.support.job_runner import Parts, job_runner
from workers.job_runner import JobRunner
from workers.short_jobs import SHORT_S, ShortJobs


class Gated(Engine):
    """The real engine; while the gate is closed, runs wait in front of it."""

    def __init__(self, cluster: Any, scratch: Path) -> None:
        models = Registry(cluster.settings.added_models)
        super().__init__(models, "cpu", threads=1, scratch=scratch)
        self.gate, self.begun = threading.Event(), 0
        self.gate.set()

    def segment(self, *args: Any, **kwargs: Any) -> Any:
        self.begun += 1
        assert self.gate.wait(60)
        return super().segment(*args, **kwargs)


@pytest.fixture
def parts(idle_cluster: Any, tmp_path: Path) -> Parts:
    """With jobs a to d, which are never run together."""
    for name in "abcd":
        idle_cluster.ask(name, send=0)
        assert idle_cluster.repository.messages.mark_sent([name])
    engine = Gated(idle_cluster, tmp_path)
    return Parts(idle_cluster, engine, tmp_path, changes={"group_size": 1})


def states(cluster: Any) -> str:
    """First letters: q, r, s, f, c."""
    return "".join(cluster.job(name).state.value[0] for name in "abcd")


@pytest.mark.usefixtures("all_are_short")
def test_one_job_is_claimed_ahead(parts: Parts, idle_cluster: Any) -> None:
    runner, ahead = overlapping(parts, idle_cluster)
    assert ahead.is_alive(), "it waits until b is computed"
    idle_cluster.until(lambda: parts.engine.begun >= 2)  # type: ignore[attr-defined]
    assert parts.engine.begun == 2, "one is computed at a time"  # type: ignore[attr-defined]
    opened_at = time.time()
    parts.engine.gate.set()  # type: ignore[attr-defined]
    ahead.join(60)
    runner.run("d")
    runner.close()
    assert states(idle_cluster) == "ssss"
    jobs = [idle_cluster.job(name) for name in "abcd"]
    assert jobs[2].started_at >= opened_at, "waiting is no part of its duration"
    assert {job.mask_sha256 for job in jobs} == {jobs[0].mask_sha256}
    assert {(job.attempt, job.progress.tiles_done, job.progress.tiles_total) for job in jobs} == {
        (1, 64, 64)
    }
    scratch = [path for path in parts.scratch.iterdir() if path.is_dir() and path.name != "data"]
    assert scratch == []
    assert not runner.hangs()


@pytest.mark.usefixtures("all_are_short")
def test_a_job_that_was_claimed_ahead_goes_back_when_the_worker_ends(
    parts: Parts, idle_cluster: Any
) -> None:
    runner, ahead = overlapping(parts, idle_cluster)
    parts.shutdown.on_signal(15, None)
    parts.engine.gate.set()  # type: ignore[attr-defined]
    ahead.join(60)
    runner.close()
    assert (idle_cluster.job("c").state, idle_cluster.job("c").attempt) == (JobState.QUEUED, 0)
    assert idle_cluster.job("d").fence == 0


def test_nothing_is_claimed_ahead_of_a_job_that_may_be_long(
    parts: Parts, idle_cluster: Any
) -> None:
    """As the first of its kind may be."""
    runner = job_runner(parts)
    parts.engine.gate.clear()  # type: ignore[attr-defined]
    first = threading.Thread(target=runner.run, args=("a",))
    first.start()
    idle_cluster.begun("a", tiles=0)
    first.join(1)
    assert first.is_alive()
    assert states(idle_cluster) == "rqqq"
    parts.engine.gate.set()  # type: ignore[attr-defined]
    first.join(60)
    assert states(idle_cluster) == "sqqq", "it is stored when its message is used up"
    runner.close()


def test_which_jobs_are_short(idle_cluster: Any) -> None:
    short, job = ShortJobs(), idle_cluster.job_of("a")
    assert not short.includes(job, 100), "nothing is known"
    short.took(job, 100, SHORT_S / 10)
    assert short.includes(job, 900)
    assert not short.includes(job, 1100), "it is larger"
    assert not short.includes(job, 0), "its scans are missing"
    assert not short.includes(replace(job, attempt=1), 100), "it may be what ended its worker"
    assert not short.includes(replace(job, model_sha256="f" * 64), 100), "another network"


def overlapping(parts: Parts, cluster: Any) -> tuple[JobRunner, threading.Thread]:
    """A runner that has run a, computes b, and has claimed c, with the thread that runs c."""
    runner = job_runner(parts)
    runner.run("a")
    assert states(cluster) == "sqqq"
    parts.engine.gate.clear()  # type: ignore[attr-defined]
    assert runner.run("b"), "it returns while b is computed"
    assert states(cluster)[:2] == "sr"
    ahead = threading.Thread(target=runner.run, args=("c",))
    ahead.start()
    cluster.until(lambda: cluster.job("c").state is JobState.RUNNING)
    assert states(cluster) == "srrq"
    assert cluster.job("c").attempt == 0, "its own work has not begun"
    return runner, ahead
