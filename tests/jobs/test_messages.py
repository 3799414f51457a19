"""Who may send a job's message, on SQLite and on PostgreSQL."""

import threading
import time
from collections.abc import Callable

from jobs.job import Job
from jobs.repository import Repository


def test_next_ones_first(stocked: Repository, job_of: Callable[..., Job]) -> None:
    for name, priority in (("a", 1), ("b", 9), ("c", 5), ("d", 9)):
        stocked.add_job(job_of(name, priority=priority))
    assert [job.id for job in stocked.unsent()] == ["b", "d", "c", "a"]
    assert [job.id for job in stocked.unsent(limit=2)] == ["b", "d"]


def test_a_mark_hides_a_job_for_a_while(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.add_job(job_of())
    assert stocked.sent("any") == 0
    assert stocked.mark_sent("job", 0)
    assert stocked.sent("any") == 1
    assert stocked.sent("gpu") == 0
    assert stocked.unsent() == []
    assert stocked.stale("any", 60) == []
    assert not stocked.mark_sent("job", 0)
    assert not stocked.mark_sent("job", 0, older_than_s=60)
    time.sleep(0.01)
    assert stocked.stale("gpu", 0.005) == []
    (old,) = stocked.stale("any", 0.005)
    assert old.sent_at is not None
    assert not stocked.mark_sent("job", 0)
    assert stocked.mark_sent("job", 0, older_than_s=0.005)


def test_a_mark_is_for_this_attempt_of_a_waiting_job(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    stocked.add_job(job_of())
    assert not stocked.mark_sent("job", 1)
    stocked.claim("job", "w", 60)
    assert not stocked.mark_sent("job", 1)
    assert stocked.unsent() == []
    assert stocked.stale("any", 0) == []


def test_unmarked_it_is_to_be_sent_at_once(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.add_job(job_of())
    stocked.mark_sent("job", 0)
    stocked.mark_unsent("job", 0)
    assert [job.id for job in stocked.unsent()] == ["job"]


def test_one_of_many_sweepers_sends(stocked: Repository, job_of: Callable[..., Job]) -> None:
    for n in range(10):
        stocked.add_job(job_of(f"job{n}"))
    sent: list[str] = []
    gate = threading.Barrier(6, timeout=60)

    def race() -> None:
        gate.wait()
        names = (f"job{n}" for n in range(10))
        sent.extend(name for name in names if stocked.mark_sent(name, 0, older_than_s=60))

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [f"job{n}" for n in range(10)]
