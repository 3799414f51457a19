"""Every step of a job's life in the database, on SQLite and on PostgreSQL."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from imaging.errors import Conflict, NotFound, Part
from jobs.job import TRANSITIONS, Job, JobEvent, JobState, Progress
from jobs.repository import Held, Repository
from tests.support.ways_to_states import WAYS

MASK: dict[str, Any] = {
    "mask_sha256": "a" * 64,
    "mask_format": "nifti",
    "preview_sha256": "b" * 64,
    "report": {"seconds": {"total": 1.5}, "warnings": []},
}
REASON = {"title": "No room left", "status": 507, "detail": "The disk is full."}


def step(repository: Repository, event: JobEvent, fence: int) -> bool:
    """Tries an event on the job `job`; whether it happened."""
    match event:
        case JobEvent.CLAIM:
            return repository.leases.claim("job", "w", 60) is not None
        case JobEvent.BEGIN:
            return repository.leases.begin("job", fence)
        case JobEvent.FINISH:
            return repository.leases.finish("job", fence, **MASK)
        case JobEvent.FAIL:
            return repository.leases.fail("job", fence, REASON)
        case JobEvent.REQUEUE:
            return repository.leases.requeue("job", fence, REASON, attempts=3)
        case JobEvent.GIVE_UP:
            return repository.leases.requeue("job", fence, REASON, attempts=1)
        case JobEvent.RELEASE:
            return repository.leases.release("job", fence)
        case JobEvent.CANCEL | JobEvent.RETRY:
            ask = repository.jobs.cancel if event is JobEvent.CANCEL else repository.jobs.retry
            try:
                ask("ada", "job")
            except Conflict:
                return False
            return True


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_every_pair_in_the_database(
    stocked: Repository, job_of: Callable[..., Job], state: JobState, event: JobEvent
) -> None:
    """Given a job in each state, when each event is tried, then it goes as the table says."""
    stocked.jobs.add(job_of())
    for before in WAYS[state]:
        assert step(stocked, before, fence=1)
    was = stocked.jobs.by_id("job")
    assert was.state is state

    happened = step(stocked, event, fence=1)

    now = stocked.jobs.by_id("job")
    assert happened == ((state, event) in TRANSITIONS)
    assert now.state is TRANSITIONS.get((state, event), state)
    if not happened:
        assert now == was
    counted = event in (JobEvent.BEGIN, JobEvent.FINISH, JobEvent.FAIL, JobEvent.REQUEUE)
    if state is JobState.RUNNING and happened:
        assert now.attempt == (counted or event is JobEvent.GIVE_UP)


def test_a_life_without_trouble(stocked: Repository, job_of: Callable[..., Job]) -> None:
    asked = job_of()
    assert stocked.jobs.add(asked) == (asked, True)
    began = stocked.leases.claim("job", "worker-1", 60)
    assert began is not None
    assert (began.state, began.attempt, began.fence, began.worker) == ("running", 0, 1, "worker-1")
    assert began.started_at is not None
    assert began.lease_until is not None
    assert began.lease_until - began.started_at == pytest.approx(60, abs=1)
    assert abs(began.started_at - time.time()) < 60

    assert stocked.leases.begin("job", 1)
    assert stocked.jobs.by_id("job").attempt == 1
    stocked.leases.renew({Held("job", 1): Progress(3, 8)}, 60)
    assert stocked.jobs.get("ada", "job").progress == Progress(3, 8)
    holders = [Held("job", 1), Held("job", 2), Held("other", 1)]
    assert stocked.leases.still_held(holders) == {Held("job", 1)}
    assert stocked.leases.finish("job", 1, **MASK)

    done = stocked.jobs.get("ada", "job")
    assert done.state is JobState.SUCCEEDED
    assert done.progress == Progress(8, 8)
    told = {name: getattr(done, name) for name in MASK if name != "report"}
    assert told | {"report": stocked.jobs.report("ada", "job")} == MASK
    assert done.finished_at is not None
    assert done.finished_at >= began.started_at
    assert done.lease_until is None
    assert done.error is None


@pytest.mark.parametrize("racers", [8])
def test_one_of_many_claims(stocked: Repository, job_of: Callable[..., Job], racers: int) -> None:
    for n in range(10):
        stocked.jobs.add(job_of(f"job{n}"))
    won: list[Job] = []
    gate = threading.Barrier(racers, timeout=60)

    def race(name: str) -> None:
        gate.wait()
        for n in range(10):
            job = stocked.leases.claim(f"job{n}", name, 60)
            if job is not None:
                won.append(job)

    threads = [threading.Thread(target=race, args=(f"w{n}",)) for n in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job.id for job in won) == sorted(f"job{n}" for n in range(10))
    assert all(stocked.jobs.by_id(job.id).worker == job.worker for job in won)


@pytest.mark.parametrize("between", ["lost", "retried", "released"])
def test_an_earlier_holder_is_refused(
    stocked: Repository, job_of: Callable[..., Job], between: str
) -> None:
    """Given a job that went from one worker to another, then nothing of the first one counts.

    After a retry or a release the second holder's `attempt` is the first one's again: only the
    fence tells them apart.
    """
    stocked.jobs.add(job_of())
    first = stocked.leases.claim("job", "one", 0.0)
    assert first is not None
    assert stocked.leases.begin("job", first.fence)
    if between == "lost":
        time.sleep(0.01)
        assert [job.id for job in stocked.lost_jobs.take_back(3)] == ["job"]
    elif between == "retried":
        stocked.jobs.cancel("ada", "job")
        stocked.jobs.retry("ada", "job")
    else:
        assert stocked.leases.release("job", first.fence)
    second = stocked.leases.claim("job", "two", 60)
    assert second is not None
    assert second.attempt == (between == "lost")

    lost = Held("job", first.fence)
    stocked.leases.renew({lost: Progress(5, 6)}, 60)
    assert not stocked.leases.begin("job", first.fence)
    stocked.leases.uncount([lost])
    assert stocked.leases.still_held([lost]) == set()
    assert not stocked.leases.finish("job", first.fence, **MASK)
    assert not stocked.leases.fail("job", first.fence, REASON)
    assert not stocked.leases.requeue("job", first.fence, REASON, 3)
    assert not stocked.leases.release("job", first.fence)
    assert stocked.jobs.by_id("job") == second
    assert stocked.leases.finish("job", second.fence, **MASK)


def test_a_silent_worker_loses_its_job_three_times(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    stocked.jobs.add(job_of())
    for attempt in (1, 2, 3):
        claimed = stocked.leases.claim("job", "w", 0.0)
        assert claimed is not None
        assert claimed.attempt == attempt - 1
        assert stocked.leases.begin("job", claimed.fence)
        stocked.leases.renew({Held("job", claimed.fence): Progress(1, 2)}, 0.0)
        time.sleep(0.01)
        (job,) = stocked.lost_jobs.take_back(3)
        assert stocked.lost_jobs.take_back(3) == []
        assert job == stocked.jobs.by_id("job")
        if attempt < 3:
            assert (job.state, job.progress, job.worker) == ("queued", Progress(), None)
            assert job.sent_at is None
    assert job.state is JobState.FAILED
    assert job.finished_at is not None
    assert job.error is not None
    assert "worker" in job.error["detail"]
    assert job.error["hint"]


def test_a_living_lease_is_left_alone(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.jobs.add(job_of())
    stocked.leases.claim("job", "w", 60)
    assert stocked.lost_jobs.take_back(3) == []


def test_a_late_worker_keeps_what_nobody_took(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    stocked.jobs.add(job_of())
    stocked.leases.claim("job", "w", 0.0)
    time.sleep(0.01)
    stocked.leases.renew({Held("job", 1): Progress(1, 2)}, 60)
    assert stocked.lost_jobs.take_back(3) == []


def test_a_reason_is_kept_when_attempts_are_used_up(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    stocked.jobs.add(job_of())
    for attempt in (1, 2, 3):
        claimed = stocked.leases.claim("job", "w", 60)
        assert claimed is not None
        assert claimed.error is None
        assert stocked.leases.requeue("job", claimed.fence, REASON, 3)
        job = stocked.jobs.by_id("job")
        assert job.error == REASON
        assert job.attempt == attempt
        assert (job.sent_at is None) == (attempt == 3 and job.sent_at is None)
    assert job.state is JobState.FAILED


@pytest.mark.parametrize("begun", [False, True])
def test_a_released_attempt_is_not_counted(
    stocked: Repository, job_of: Callable[..., Job], begun: bool
) -> None:
    stocked.jobs.add(job_of())
    stocked.leases.claim("job", "w", 60)
    if begun:
        assert stocked.leases.begin("job", 1)
    assert stocked.leases.release("job", 1, Part.STORE)
    job = stocked.jobs.by_id("job")
    assert (job.state, job.attempt, job.sent_at, job.lease_until) == ("queued", 0, None, None)
    assert (job.progress, job.error) == (Progress(waiting_for="the object store"), None)
    assert stocked.messages.mark_sent(["job"])
    claimed = stocked.leases.claim_next("job", "w", 60)
    assert claimed is not None
    assert claimed.progress.waiting_for is None


def test_a_job_whose_own_work_had_not_begun_loses_no_attempt(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    """Its worker was lost five times while it fetched the scan."""
    stocked.jobs.add(job_of())
    for _ in range(5):
        assert stocked.leases.claim("job", "w", 0.0) is not None
        time.sleep(0.01)
        (job,) = stocked.lost_jobs.take_back(3)
        assert (job.state, job.attempt) == ("queued", 0)


def test_what_a_draining_worker_runs_is_uncounted(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    """Lost after that it costs nothing; finished it has one attempt, as any job that succeeds."""
    stocked.jobs.add(job_of())
    stocked.leases.claim("job", "w", 0.0)
    assert stocked.leases.begin("job", 1)
    for _ in range(2):  # told twice
        stocked.leases.uncount([Held("job", 1)])
    time.sleep(0.01)
    (job,) = stocked.lost_jobs.take_back(3)
    assert (job.state, job.attempt) == ("queued", 0)
    assert stocked.leases.claim("job", "w", 60) is not None
    assert stocked.leases.begin("job", 2)
    stocked.leases.uncount([Held("job", 2)])
    assert stocked.leases.finish("job", 2, **MASK)
    assert stocked.jobs.by_id("job").attempt == 1


def test_the_jobs_of_a_worker_that_ended(stocked: Repository, job_of: Callable[..., Job]) -> None:
    """Only its own; those that had begun are counted unless it was killed on purpose."""
    for name in ("begun", "fetching", "other"):
        stocked.jobs.add(job_of(name))
        stocked.leases.claim(name, "w" if name != "other" else "v", 60)
        if name != "fetching":
            assert stocked.leases.begin(name, 1)
    other = stocked.jobs.by_id("other")
    lost = stocked.lost_jobs.lost_with("w", REASON, 3)
    assert {job.id: (job.state, job.attempt, job.error) for job in lost} == {
        "begun": ("queued", 1, REASON),
        "fetching": ("queued", 0, None),
    }
    assert all(job.sent_at is None for job in lost)

    assert stocked.leases.claim("begun", "w", 60) is not None
    assert stocked.leases.begin("begun", 2)
    (job,) = stocked.lost_jobs.released_by("w")
    assert (job.id, job.state, job.attempt) == ("begun", "queued", 1)

    for fence in (3, 4):
        assert stocked.leases.claim("begun", "w", 60) is not None
        assert stocked.leases.begin("begun", fence)
        (job,) = stocked.lost_jobs.lost_with("w", REASON, 3)
    assert (job.state, job.attempt, job.error) == ("failed", 3, REASON)
    assert job.finished_at is not None
    assert stocked.jobs.by_id("other") == other


def test_a_retry_begins_anew(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.jobs.add(job_of())
    stocked.leases.claim("job", "w", 60)
    stocked.leases.fail("job", 1, REASON)
    assert stocked.jobs.by_id("job").error == REASON
    job = stocked.jobs.retry("ada", "job")
    fresh = replace(stocked.jobs.by_id("job"), fence=0)
    assert job.state is JobState.QUEUED
    assert fresh == job_of()


@pytest.mark.parametrize("ask", ["cancel", "retry"])
def test_others_jobs_are_not_there(
    stocked: Repository, job_of: Callable[..., Job], ask: str
) -> None:
    stocked.jobs.add(job_of())
    for project, name in (("eve", "job"), ("ada", "none")):
        with pytest.raises(NotFound):
            getattr(stocked.jobs, ask)(project, name)
    assert stocked.jobs.by_id("job").state is JobState.QUEUED
