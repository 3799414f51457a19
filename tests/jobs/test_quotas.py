"""Quotas of projects hold, whatever is stored at once, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from imaging.errors import BadRequest, LimitReached, QueueLimitReached, StorageLimitReached
from jobs.batch import Batch
from jobs.job import Job, JobState
from jobs.project_limits import ProjectLimits, ProjectUsage
from jobs.repository import Repository
from jobs.review import Review
from tests.support.rows import make_job, make_scan

CLIENTS = 50
SCAN_BYTES = make_scan().bytes


def at_once(actions: list[Callable[[], object]]) -> list[Exception]:
    """Runs each action in a thread of its own, all at once; the errors."""
    gate = threading.Barrier(len(actions), timeout=60)
    errors: list[Exception] = []

    def run(action: Callable[[], object]) -> None:
        gate.wait()
        try:
            action()
        except LimitReached as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def new_job(**changes: Any) -> Job:
    return make_job(uuid4().hex, **changes)


def test_many_clients_at_once(stocked: Repository) -> None:
    stocked.quotas.set("ada", ProjectLimits(stored_bytes=11 * SCAN_BYTES, waiting_jobs=7))
    scans = [make_scan(f"scan{n}") for n in range(CLIENTS)]
    errors = at_once([lambda scan=scan: stocked.scans.add(scan) for scan in scans])  # type: ignore[misc]
    assert [type(error) for error in errors] == [StorageLimitReached] * (CLIENTS - 10)
    stocked.quotas.set("ada", ProjectLimits(waiting_jobs=7))
    errors = at_once([lambda: stocked.jobs.add(new_job())] * CLIENTS)
    assert [type(error) for error in errors] == [QueueLimitReached] * (CLIENTS - 7)
    assert stocked.quotas.usage("ada") == ProjectUsage(11 * SCAN_BYTES, 7)


def test_what_counts_as_stored(stocked: Repository) -> None:
    """Scans, masks of workers, uploaded and corrected masks, until they are deleted."""
    usage = stocked.quotas.usage
    assert usage("ada") == ProjectUsage(SCAN_BYTES, 0)
    stocked.jobs.add(make_job())
    job = stocked.leases.claim("job", "w", 60)
    assert job is not None
    assert stocked.leases.finish(
        job.id,
        job.fence,
        mask_sha256="a",
        mask_format="png",
        preview_sha256=None,
        report={},
        mask_bytes=100,
    )
    review = Review("r", "job", "corrected", "", "R1", 0.0, "b", "png", mask_bytes=20)
    stocked.reviews.add("ada", review)
    drawn = replace(review, id="drawn", job=None, scan="scan", mask_bytes=3)
    stocked.reviews.add("ada", drawn)
    uploaded = new_job(state=JobState.SUCCEEDED, mask_sha256="c", mask_format="png")
    stocked.uploaded_masks.add(uploaded, "mask 1", {"warnings": []}, 4000)
    assert usage("ada") == ProjectUsage(SCAN_BYTES + 4123, 0)
    stocked.figures.fold()
    stocked.scans.delete("ada", "scan")
    assert usage("ada") == ProjectUsage(0, 0)


def test_a_full_project(stocked: Repository) -> None:
    """It gets the masks of accepted orders, and what it has already; nothing new."""
    stocked.jobs.add(make_job(), "key")
    job = stocked.leases.claim("job", "w", 60)
    stocked.quotas.set("ada", ProjectLimits(stored_bytes=SCAN_BYTES))
    assert job is not None
    assert stocked.jobs.add(make_job("again"), "key")[0].id == "job"
    assert not stocked.scans.add(make_scan())[1]
    uploaded = new_job(state=JobState.SUCCEEDED, mask_sha256="c", mask_format="png")
    for store in (
        lambda: stocked.scans.add(make_scan("other")),
        lambda: stocked.jobs.add(new_job()),
        lambda: stocked.uploaded_masks.add(uploaded, "mask 1", {"warnings": []}, 1),
        lambda: stocked.quotas.check_room("ada", 1),
    ):
        with pytest.raises(StorageLimitReached) as refused:
            store()
        assert refused.value.retry_after_s is None
    assert stocked.scans.add(make_scan("other", "bea"))[1], "another project has its own room"


def test_a_full_queue(stocked: Repository) -> None:
    stocked.quotas.set("ada", ProjectLimits(waiting_jobs=3))

    def add_batch(count: int) -> None:
        members = [new_job() for _ in range(count)]
        stocked.batches.add(Batch(uuid4().hex, "ada", "", 0.0), members)

    with pytest.raises(BadRequest, match="4 jobs"):
        add_batch(4)
    add_batch(2)
    with pytest.raises(QueueLimitReached) as refused:
        add_batch(2)
    assert refused.value.retry_after_s
    stocked.jobs.add(make_job())
    stocked.jobs.cancel("ada", "job")
    stocked.jobs.retry("ada", "job")
    stocked.jobs.cancel("ada", "job")
    stocked.jobs.add(make_job("other"))
    with pytest.raises(QueueLimitReached):
        stocked.jobs.retry("ada", "job")
    assert stocked.leases.claim("other", "w", 60) is not None
    stocked.jobs.retry("ada", "job")


def test_limits_are_kept(repository: Repository) -> None:
    limits = ProjectLimits(10, 20, 30)
    repository.quotas.set("b", limits)
    repository.quotas.set("a", ProjectLimits(waiting_jobs=0))
    assert list(repository.quotas.all().items()) == [
        ("a", ProjectLimits(waiting_jobs=0)),
        ("b", limits),
    ]
    repository.quotas.set("b", ProjectLimits())
    assert repository.quotas.get("b") == ProjectLimits()
    assert list(repository.quotas.all()) == ["a"]
