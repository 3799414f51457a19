"""The worklist: every filter, every order, pages without gaps, counts, on both databases."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import select, text

from imaging.errors import BadRequest, NotFound
from imaging.scan_display import ScanDisplay
from jobs.assignment import NOBODY, Assignment
from jobs.batch import Batch
from jobs.job import JobState
from jobs.job_filter import JobCounts, JobFilter, JobSort, ListedJob, Verdict
from jobs.repository import Repository, ScanUses
from jobs.repository.schema.worklist_tables import worklist
from jobs.review import Review
from tests.support.earlier_schema import SCAN_AND_JOB, go_back
from tests.support.rows import make_job, make_scan

SCANS = {
    "mr": ("Ångström T1.nii.gz", "MR"),
    "ct": ("100%_head.dcm", "CT"),
    "image": ("a_b.png", None),
}
SHOWN = {
    "mr": ScanDisplay(subject="K7QW_1", study_date="2026-03-02"),
    "ct": ScanDisplay(),
    "image": None,
}
"""What a header says of the scan's patient and study."""
JOBS = 60


@dataclass(frozen=True)
class Known:
    """What the test knows of a job."""

    id: str
    seq: int
    state: JobState
    verdict: Verdict | None
    reviewer: str | None
    model: str
    modality: str | None
    names: tuple[str, ...]
    priority: int
    created_at: float
    batch: str | None
    warnings: int
    assignee: str | None
    review: str | None
    doubts: int
    subject: str | None
    study_date: str | None


def review_of(job: str, verdict: str = "accepted", reviewer: str = "", **more: Any) -> Review:
    values = {"id": f"r{random.random()}", "comment": "", "created_at": 3.0}
    return Review(**{**values, "job": job, "verdict": verdict, "reviewer": reviewer, **more})


def finish(repository: Repository, name: str, report: Any, state: JobState) -> None:
    held = repository.leases.claim(name, "w", 60)
    assert held is not None
    if state is JobState.FAILED:
        assert repository.leases.fail(name, held.fence, {"title": "Bad", "detail": "It broke."})
    elif state is JobState.SUCCEEDED:
        assert repository.leases.finish(
            name,
            held.fence,
            mask_sha256="a" * 64,
            mask_format="nifti",
            preview_sha256=None,
            report=report,
        )


@pytest.fixture
def filled(repository: Repository) -> tuple[Repository, list[Known]]:
    """Jobs of all kinds, made and ended as users and workers do."""
    chance = random.Random(7)
    for n, (name, (file, modality)) in enumerate(SCANS.items()):
        scan = replace(make_scan(name), sha256=f"{n:064}", name=file, modality=modality)
        repository.scans.add(replace(scan, display=SHOWN[name]))
    known = [_one(repository, chance, n) for n in range(JOBS)]
    repository.scans.add(make_scan("other", "bob"))
    repository.jobs.add(make_job("of-bob", "bob", scans={"t1": "other"}))
    return repository, known


def _one(repository: Repository, chance: random.Random, n: int) -> Known:
    first, *rest = chance.sample(sorted(SCANS), chance.choice([1, 1, 2, 3]))
    scans = {f"channel{k}": scan for k, scan in enumerate((first, *rest))}
    job = make_job(
        f"job{n}",
        scans=scans,
        model=chance.choice(["nuclei-2d", "hippocampus-mri-3d"]),
        priority=chance.randrange(3),
        created_at=1_000.0 + n,
    )
    batch = chance.choice([None, f"batch{n}"])
    if batch is None:
        repository.jobs.add(job)
    else:
        repository.batches.add(Batch(batch, "ada", "", 1.0), [job])
    state = chance.choice([*JobState, JobState.SUCCEEDED, JobState.SUCCEEDED])
    warnings = chance.randrange(3) if state is JobState.SUCCEEDED else 0
    doubts = chance.randrange(3) if warnings else 0
    if state is JobState.CANCELLED:
        repository.jobs.cancel("ada", job.id)
    elif state is not JobState.QUEUED:
        report = {"warnings": ["It is odd."] * warnings, "doubts": [{"kind": "extent"}] * doubts}
        finish(repository, job.id, report, state)
    assignee = chance.choice([None, None, "Dr. Okafor", "Ada"])
    if assignee is not None:
        repository.assignments.assign("ada", [Assignment(job.id)], assignee)
    review = None
    verdict, reviewer = Verdict.TO_REVIEW if state is JobState.SUCCEEDED else None, None
    if verdict is not None and chance.random() < 0.6:
        repository.reviews.add("ada", review_of(job.id, "rejected", "first"))
        verdict = chance.choice([Verdict.ACCEPTED, Verdict.CORRECTED, Verdict.REJECTED])
        reviewer = chance.choice([None, "Dr. Okafor", "O'Neill"])
        newest = review_of(job.id, verdict.value, reviewer or "")
        review = repository.reviews.add("ada", newest).id
    return Known(
        *(job.id, n, state, verdict, reviewer, job.model, SCANS[first][1]),
        names=tuple(SCANS[scan][0] for scan in (first, *rest)),
        priority=job.priority,
        created_at=job.created_at,
        batch=batch,
        warnings=warnings,
        assignee=assignee,
        review=review,
        doubts=doubts,
        subject="K7QW_1" if first == "mr" else None,
        study_date="2026-03-02" if first == "mr" else None,
    )


def having(word: str) -> Callable[[Known], bool]:
    return lambda one: any(word in name for name in (*one.names, one.subject or ""))


FILTERS: list[tuple[JobFilter, Callable[[Known], bool]]] = [
    (JobFilter(), lambda _: True),
    (JobFilter(states=(JobState.RUNNING,)), lambda one: one.state is JobState.RUNNING),
    (
        JobFilter(states=(JobState.FAILED, JobState.CANCELLED)),
        lambda one: one.state in (JobState.FAILED, JobState.CANCELLED),
    ),
    (JobFilter(verdicts=(Verdict.TO_REVIEW,)), lambda one: one.verdict is Verdict.TO_REVIEW),
    (
        JobFilter(verdicts=(Verdict.TO_REVIEW, Verdict.REJECTED)),
        lambda one: one.verdict in (Verdict.TO_REVIEW, Verdict.REJECTED),
    ),
    (JobFilter(verdicts=(Verdict.CORRECTED,)), lambda one: one.verdict is Verdict.CORRECTED),
    (JobFilter(reviewer="O'Neill"), lambda one: one.reviewer == "O'Neill"),
    (JobFilter(reviewer="first"), lambda _: False),
    (JobFilter(assignees=("Ada",)), lambda one: one.assignee == "Ada"),
    (JobFilter(assignees=(NOBODY,)), lambda one: one.assignee is None),
    (
        JobFilter(assignees=("Ada", NOBODY), verdicts=(Verdict.TO_REVIEW,)),
        lambda one: one.assignee in (None, "Ada") and one.verdict is Verdict.TO_REVIEW,
    ),
    (JobFilter(assignees=("nobody",)), lambda _: False),
    (JobFilter(model="nuclei-2d"), lambda one: one.model == "nuclei-2d"),
    (JobFilter(modality="CT"), lambda one: one.modality == "CT"),
    (JobFilter(batch="batch3"), lambda one: one.batch == "batch3"),
    (JobFilter(text="HEAD"), having("head")),
    (JobFilter(text="0%_h"), having("0%_h")),
    (JobFilter(text="_"), having("_")),
    (JobFilter(text="Ång t1"), having("Ång")),
    (JobFilter(text="t1 head"), lambda one: having("T1")(one) and having("head")(one)),
    (JobFilter(text="k7qw"), lambda one: one.subject is not None),
    (JobFilter(text="1 T1.nii k7QW_"), lambda one: one.subject is not None),
    (JobFilter(text="nobody"), lambda _: False),
    (JobFilter(text=" "), lambda _: True),
    (JobFilter(created_from=1_020.0), lambda one: one.created_at >= 1_020),
    (
        JobFilter(created_from=1_010.0, created_before=1_020.0),
        lambda one: 1_010 <= one.created_at < 1_020,
    ),
    (
        JobFilter(states=(JobState.SUCCEEDED,), verdicts=(Verdict.TO_REVIEW,), text="t1"),
        lambda one: one.verdict is Verdict.TO_REVIEW and having("T1")(one),
    ),
]
ORDERS: dict[JobSort, Callable[[Known], tuple[int, ...]]] = {
    JobSort.NEWEST: lambda one: (-one.seq,),
    JobSort.OLDEST: lambda one: (one.seq,),
    JobSort.PRIORITY: lambda one: (-one.priority, one.seq),
    JobSort.SUSPICION: lambda one: (-one.warnings, -one.seq),
}


def pages(
    repository: Repository, wanted: JobFilter, sort: JobSort, limit: int
) -> Iterator[list[str]]:
    cursor = None
    while True:
        page, cursor = repository.worklist.page(
            "ada", wanted, sort=sort, cursor=cursor, limit=limit
        )
        yield [job.id for job in page]
        if cursor is None:
            return


def test_every_filter_in_every_order(filled: tuple[Repository, list[Known]]) -> None:
    """Whole, by pages, from any place, and counted."""
    repository, known = filled
    for wanted, matches in FILTERS:
        right = [one for one in known if matches(one)]
        assert repository.worklist.counts("ada", wanted) == counted(right), wanted
        for sort, key in ORDERS.items():
            ids = [one.id for one in sorted(right, key=key)]
            assert list(chain(*pages(repository, wanted, sort, 7))) == ids, (wanted, sort)
            some, _ = repository.worklist.page("ada", wanted, sort=sort, offset=5, limit=6)
            assert [job.id for job in some] == ids[5:11]


def counted(known: list[Known]) -> JobCounts:
    def numbers(name: str) -> dict[Any, int]:
        found = Counter(getattr(one, name) for one in known)
        return {value: found[value] for value in found if value is not None}

    names = ("state", "verdict", "model", "modality", "reviewer", "assignee")
    return JobCounts(len(known), *(numbers(name) for name in names))


@pytest.mark.parametrize("sort", JobSort)
def test_pages_have_no_gap_and_no_job_twice_while_jobs_are_added(
    filled: tuple[Repository, list[Known]], sort: JobSort
) -> None:
    repository, known = filled
    seen: list[str] = []
    for n, page in enumerate(pages(repository, JobFilter(), sort, 4)):
        seen += page
        if n < 20:  # the oldest jobs come first: the list would never end
            for priority in (0, 1, 2):
                name = f"new{n}-{priority}"
                repository.jobs.add(make_job(name, scans={"t1": "mr"}, priority=priority))
    assert len(seen) == len(set(seen))
    assert {one.id for one in known} <= set(seen)


@pytest.mark.parametrize("sort", JobSort)
def test_a_cursor_of_another_order_is_refused(
    filled: tuple[Repository, list[Known]], sort: JobSort
) -> None:
    repository, _ = filled
    _, cursor = repository.worklist.page("ada", sort=sort, limit=3)
    assert cursor is not None
    for bad in (f"{cursor}.1", f"0{cursor}", f"{cursor}x"):
        with pytest.raises(BadRequest, match="cursor"):
            repository.worklist.page("ada", sort=sort, cursor=bad)
    for other in set(JobSort) - {sort}:
        with pytest.raises(BadRequest, match="cursor"):
            repository.worklist.page("ada", sort=other, cursor=cursor)


def test_what_a_list_shows_beside_a_job(filled: tuple[Repository, list[Known]]) -> None:
    repository, known = filled
    listed = repository.worklist.listed([*(one.id for one in known), "nonesuch"])
    assert listed == {
        one.id: ListedJob(
            one.names[0],
            *(one.modality, one.reviewer, one.warnings, one.assignee, one.review, one.doubts),
            subject=one.subject,
            study_date=one.study_date,
        )
        for one in known
    }


@pytest.mark.parametrize(
    "report", [{}, {"warnings": None}, {"warnings": "one"}, {"warnings": 3}, {"warnings": {}}]
)
def test_a_report_without_a_list_of_warnings_has_none(
    stocked: Repository, report: dict[str, Any]
) -> None:
    stocked.jobs.add(make_job())
    finish(stocked, "job", report, JobState.SUCCEEDED)
    assert stocked.worklist.listed(["job"])["job"].warnings == 0


def test_the_reviewer_is_that_of_the_latest_review(stocked: Repository) -> None:
    """Also after a corrected mask was deleted; and a followed job is then read again."""
    stocked.jobs.add(make_job())
    finish(stocked, "job", {"warnings": ["one"]}, JobState.SUCCEEDED)
    stocked.reviews.add("ada", review_of("job", "accepted", "Ada"))
    before = stocked.jobs.revisions(["job"])
    mask = {"mask_sha256": "b" * 64, "mask_format": "nifti", "scan": "scan", "tag": "final"}
    second = stocked.reviews.add("ada", review_of("job", "accepted", "Bob", **mask))
    assert stocked.jobs.revisions(["job"]) != before
    assert stocked.worklist.listed(["job"])["job"] == ListedJob(
        "head.nii.gz", None, "Bob", 1, review=second.id
    )
    stocked.labels.delete("ada", "scan", "final")
    assert stocked.worklist.listed(["job"])["job"].reviewer == "Ada"
    last = stocked.reviews.add("ada", review_of("job", "rejected", "Eve"))
    stocked.reviews.withdraw("ada", "job", last.id, "", last.created_at)
    assert stocked.worklist.listed(["job"])["job"].reviewer == "Ada"
    assert stocked.worklist.counts("ada").verdicts == {Verdict.ACCEPTED: 1}


def test_a_review_that_is_withdrawn_does_not_count(stocked: Repository) -> None:
    stocked.jobs.add(make_job())
    finish(stocked, "job", {"warnings": []}, JobState.SUCCEEDED)
    stocked.reviews.add("ada", review_of("job", "accepted", "Ada"))
    second = review_of("job", "rejected", "Bob")
    stocked.reviews.add("ada", second)
    assert stocked.worklist.listed(["job"])["job"].reviewer == "Bob"
    stocked.reviews.withdraw("ada", "job", second.id, "Bob", second.created_at + 1)
    assert stocked.worklist.listed(["job"])["job"].reviewer == "Ada"
    counts = stocked.worklist.counts("ada")
    assert counts.verdicts == {"accepted": 1}
    assert counts.reviewers == {"Ada": 1}


def test_a_deletion_says_what_goes_and_takes_it(stocked: Repository) -> None:
    for name in ("one", "two"):
        stocked.jobs.add(make_job(name))
    finish(stocked, "one", {}, JobState.SUCCEEDED)
    stocked.reviews.add("ada", review_of("one"))
    mask = {"mask_sha256": "b" * 64, "mask_format": "nifti", "scan": "scan"}
    stocked.reviews.add("ada", review_of("one", **mask))
    stocked.reviews.add("ada", replace(review_of("one", **mask), job=None))
    assert stocked.scans.uses("ada", "scan") == ScanUses(jobs=2, unfinished=1, reviews=3)
    with pytest.raises(NotFound):
        stocked.scans.uses("bob", "scan")
    stocked.jobs.cancel("ada", "two")
    stocked.scans.delete("ada", "scan")
    assert stocked.worklist.counts("ada").total == 0
    assert stocked.worklist.listed(["one"]) == {}


def test_jobs_of_an_earlier_version_are_listed(filled: tuple[Repository, list[Known]]) -> None:
    """The migrations fill the table with what the triggers would have written; what earlier
    versions did not store is unknown."""
    repository, _ = filled
    before = rows(repository)
    go_back(repository, "0020_project", ())
    repository.migrate()
    assert rows(repository) == before
    go_back(repository, "0015_project", ())
    repository.migrate()
    after = rows(repository)
    unknown = dict.fromkeys(("modality", "assignee", "subject", "study_date"))
    assert [row | unknown for row in before] == after
    assert len(after) == JOBS + 1


def rows(repository: Repository) -> list[dict[str, Any]]:
    """Names in any order, since only a search reads them."""
    with repository.database.read() as connection:
        found = connection.execute(select(worklist).order_by(worklist.c.seq)).mappings()
        return [dict(row) | {"names": sorted(row["names"].split("\n"))} for row in found]


def test_a_report_of_an_earlier_version_is_counted(repository: Repository) -> None:
    scanned = "INSERT INTO job_scans (job, position, channel, scan) VALUES ('j', 0, 't1', 's')"
    go_back(repository, "0015_project", (*SCAN_AND_JOB, scanned))
    with repository.database.write() as connection:
        report = '{"warnings": ["a", "b"]}'
        connection.execute(text("UPDATE jobs SET report = :report"), {"report": report})
    repository.migrate()
    assert repository.worklist.listed(["j"])["j"].warnings == 2
