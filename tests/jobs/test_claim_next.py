"""Whichever message comes, the most urgent job is begun, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.job import Job, JobState
from jobs.repository import Repository

Make = Callable[..., Job]
REASON = {"title": "No room left", "status": 507, "detail": "The disk is full."}


def waiting(repository: Repository, *asked: Job) -> None:
    """Stores jobs that have a message."""
    for job in asked:
        repository.jobs.add(job)
        assert repository.messages.mark_sent([job.id])


def claimed(repository: Repository, *messages: str) -> list[str | None]:
    found = [repository.leases.claim_next(name, "w", 60) for name in messages]
    return [None if job is None else job.id for job in found]


def test_the_most_urgent_then_the_oldest(stocked: Repository, job_of: Make) -> None:
    priorities = {"a": 0, "b": 5, "c": 9, "d": 9}
    waiting(stocked, *(job_of(name, priority=p) for name, p in priorities.items()))
    assert claimed(stocked, "a", "b", "c", "d") == ["c", "d", "b", "a"]
    assert claimed(stocked, *"abcd") == [None] * 4
    assert stocked.leases.claim_next("none", "w", 60) is None


def test_a_message_for_a_job_that_is_over_serves_another(stocked: Repository, job_of: Make) -> None:
    waiting(stocked, job_of("a"), job_of("b"))
    stocked.jobs.cancel("ada", "a")
    assert claimed(stocked, "a", "b") == ["b", None]
    assert stocked.jobs.by_id("a").state is JobState.CANCELLED


def test_other_queues_are_left_to_their_own_messages(stocked: Repository, job_of: Make) -> None:
    waiting(stocked, job_of("a"), job_of("b", queue="gpu", priority=9))
    assert claimed(stocked, "a", "a", "b") == ["a", None, "b"]


def test_a_job_without_a_message_of_its_own_is_left_to_it(
    stocked: Repository, job_of: Make
) -> None:
    """Taken by another's, it would leave that one without any until the sweeper sees it."""
    waiting(stocked, job_of("a"))
    stocked.jobs.add(job_of("b", priority=9))
    assert claimed(stocked, "a", "b") == ["a", "b"]


def test_a_stale_message_is_owed_to_the_jobs_that_were_sent(
    stocked: Repository, job_of: Make
) -> None:
    """A killed worker's job is not sent yet, but an older message for it is still in the broker."""
    waiting(stocked, job_of("a"), job_of("b"))
    job = stocked.leases.claim_next("a", "killed", 60)
    assert job is not None
    assert stocked.leases.release("a", job.fence)
    assert claimed(stocked, "a") == ["b"], "one message, and one job that was sent"
    assert stocked.messages.mark_sent(["a"])
    assert claimed(stocked, "b") == ["a"]


def test_a_job_that_met_trouble_rests_for_a_lease(stocked: Repository, job_of: Make) -> None:
    waiting(stocked, job_of("a"), job_of("b"), job_of("c", priority=9))
    job = stocked.leases.claim_next("c", "w", 60)
    assert job is not None
    assert stocked.leases.requeue("c", job.fence, REASON, attempts=3)
    assert claimed(stocked, "a") == ["a"], "another's message comes too early"
    rested = stocked.leases.claim_next("b", "w", -1)
    assert rested is not None
    assert rested.id == "c"
    assert stocked.leases.requeue("c", rested.fence, REASON, attempts=3)
    assert claimed(stocked, "c") == ["c"], "its own message is the sign to try again"


@pytest.mark.parametrize("racers", [8])
def test_each_message_gets_one_job(stocked: Repository, job_of: Make, racers: int) -> None:
    """Workers at once never get the same job, and none goes without while jobs wait."""
    names = [f"job{n}" for n in range(40)]
    waiting(stocked, *(replace(job_of(name), priority=n % 10) for n, name in enumerate(names)))
    won: list[Job | None] = []
    gate = threading.Barrier(racers, timeout=60)

    def race(first: int) -> None:
        gate.wait()
        won.extend(
            stocked.leases.claim_next(name, f"w{first}", 60) for name in names[first::racers]
        )

    threads = [threading.Thread(target=race, args=(n,)) for n in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job.id for job in won if job is not None) == sorted(names)
