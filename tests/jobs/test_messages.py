"""Who may send a job's message, on SQLite and on PostgreSQL."""

import threading
import time
from collections.abc import Callable

from jobs.job import Job
from jobs.repository import Repository


def test_next_ones_first(stocked: Repository, job_of: Callable[..., Job]) -> None:
    for name, priority in (("a", 1), ("b", 9), ("c", 5), ("d", 9)):
        stocked.jobs.add(job_of(name, priority=priority))
    assert [job.id for job in stocked.messages.unsent()] == ["b", "d", "c", "a"]
    assert [job.id for job in stocked.messages.unsent(limit=2)] == ["b", "d"]


def test_a_mark_hides_a_job_for_a_while(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.jobs.add(job_of())
    assert stocked.messages.count_sent("any") == 0
    assert stocked.messages.mark_sent(["job"])
    assert stocked.messages.count_sent("any") == 1
    assert stocked.messages.count_sent("gpu") == 0
    assert stocked.messages.unsent() == []
    assert stocked.messages.stale("any", 60) == []
    assert not stocked.messages.mark_sent(["job"])
    assert not stocked.messages.mark_sent(["job"], older_than_s=60)
    time.sleep(0.01)
    assert stocked.messages.stale("gpu", 0.005) == []
    (old,) = stocked.messages.stale("any", 0.005)
    assert old.sent_at is not None
    assert not stocked.messages.mark_sent(["job"])
    assert stocked.messages.mark_sent(["job"], older_than_s=0.005)


def test_a_mark_is_for_this_attempt_of_a_waiting_job(
    stocked: Repository, job_of: Callable[..., Job]
) -> None:
    stocked.jobs.add(job_of())
    assert stocked.messages.mark_sent(["job"]) == {"job"}
    stocked.messages.mark_unsent("job", 1)
    assert stocked.messages.unsent() == [], "the mark of this attempt stays"
    stocked.leases.claim("job", "w", 60)
    assert not stocked.messages.mark_sent(["job"])
    assert stocked.messages.unsent() == []
    assert stocked.messages.stale("any", 0) == []


def test_unmarked_it_is_to_be_sent_at_once(stocked: Repository, job_of: Callable[..., Job]) -> None:
    stocked.jobs.add(job_of())
    stocked.messages.mark_sent(["job"])
    stocked.messages.mark_unsent("job", 0)
    assert [job.id for job in stocked.messages.unsent()] == ["job"]


def test_one_of_many_sweepers_sends(stocked: Repository, job_of: Callable[..., Job]) -> None:
    for n in range(10):
        stocked.jobs.add(job_of(f"job{n}"))
    sent: list[str] = []
    gate = threading.Barrier(6, timeout=60)

    def race() -> None:
        gate.wait()
        names = (f"job{n}" for n in range(10))
        sent.extend(name for name in names if stocked.messages.mark_sent([name], older_than_s=60))

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [f"job{n}" for n in range(10)]
