"""Assignments of jobs to readers, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from imaging.errors import Conflict, NotFound
from jobs.assignment import NOBODY, Assigned, Assignment
from jobs.repository import Repository
from tests.support.rows import make_job, make_scan

JOBS = ("one", "two", "three")


@pytest.fixture
def waiting(stocked: Repository) -> Repository:
    for name in JOBS:
        stocked.jobs.add(make_job(name))
    stocked.scans.add(make_scan("theirs", "bob"))
    stocked.jobs.add(make_job("of-bob", "bob", scans={"t1": "theirs"}))
    return stocked


def readers(repository: Repository) -> list[str | None]:
    listed = repository.worklist.listed(JOBS)
    return [listed[name].assignee for name in JOBS]


def assign(repository: Repository, assignee: str, **seen: str | None) -> dict[str, str]:
    wanted = [Assignment(job, known) for job, known in seen.items()]
    return dict(repository.assignments.assign("ada", wanted, assignee))


def test_jobs_are_assigned_and_taken_back(waiting: Repository) -> None:
    before = waiting.jobs.revisions(["one"])
    assert assign(waiting, "Ada", one=None, two="") == {"one": Assigned.DONE, "two": Assigned.DONE}
    assert readers(waiting) == ["Ada", "Ada", None]
    assert waiting.jobs.revisions(["one"]) != before, "a followed job is read again"
    assert assign(waiting, NOBODY, one="Ada") == {"one": Assigned.DONE}
    assert readers(waiting) == [None, "Ada", None]
    assert waiting.worklist.counts("ada").assignees == {"Ada": 1}


def test_what_changed_meanwhile_is_left(waiting: Repository) -> None:
    """The other jobs are assigned; a request that is sent again finds all as it wanted."""
    assign(waiting, "Eve", two=None)
    expected = {"one": Assigned.DONE, "two": Assigned.CHANGED, "three": Assigned.DONE}
    for _ in range(2):
        assert assign(waiting, "Ada", one="", two="", three="") == expected
        assert readers(waiting) == ["Ada", "Eve", "Ada"]


def test_jobs_of_others_are_not_found(waiting: Repository) -> None:
    wanted = [Assignment("nonesuch"), Assignment("of-bob"), Assignment("one")]
    outcomes = waiting.assignments.assign("ada", wanted, "Ada")
    assert list(outcomes.values()) == [Assigned.NOT_FOUND, Assigned.NOT_FOUND, Assigned.DONE]
    assert waiting.worklist.listed(["of-bob"])["of-bob"].assignee is None


def test_one_job_raises_what_is_wrong(waiting: Repository) -> None:
    waiting.assignments.assign_one("ada", Assignment("one", ""), "Ada")
    with pytest.raises(Conflict, match="assigned to another reader meanwhile"):
        waiting.assignments.assign_one("ada", Assignment("one", ""), "Eve")
    for job in ("nonesuch", "of-bob"):
        with pytest.raises(NotFound):
            waiting.assignments.assign_one("ada", Assignment(job, ""), "Eve")
    assert readers(waiting)[0] == "Ada"


def test_two_readers_take_one_job_at_once(waiting: Repository) -> None:
    """Of those who have seen the same, one gets it."""
    seen = ""
    with ThreadPoolExecutor(2) as pool:
        for turn in range(10):
            barrier = Barrier(2)

            def take(reader: str, seen: str = seen, at: Barrier = barrier) -> dict[str, str]:
                at.wait()
                return assign(waiting, reader, two=seen, one=seen, three=seen)

            names = [f"A{turn}", f"B{turn}"]
            both = list(pool.map(take, names))
            winner = names[[Assigned.DONE in one.values() for one in both].index(True)]
            assert readers(waiting) == [winner] * 3
            assert sum(Assigned.DONE in one.values() for one in both) == 1
            seen = winner
