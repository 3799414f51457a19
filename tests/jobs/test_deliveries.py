"""Deliveries: stored with their job, claimed by one, never forgotten while a peer is away."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update

from imaging.errors import NotFound
from jobs.delivery import Commitment, Delivery, DeliveryState, Receipt, due_in
from jobs.job import Job, JobState
from jobs.repository import Repository
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import jobs
from tests.support.earlier_schema import SCAN_AND_JOB, go_back

MadeJob = Callable[..., Job]
RECEIPT = Receipt("dicom-seg", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.7")


def delivery(name: str, job: str = "job", to: str = "archive", form: str = "dicom-seg") -> Delivery:
    return Delivery(name, job, to, form, 2_000.5)


def finish(repository: Repository, job: str = "job") -> None:
    claimed = repository.leases.claim(job, "w", 60)
    assert claimed is not None
    assert repository.leases.finish(
        job,
        claimed.fence,
        mask_sha256="a" * 64,
        mask_format="nifti",
        preview_sha256=None,
        report={},
    )


def test_stored_with_the_job_or_not_at_all(stocked: Repository, job_of: MadeJob) -> None:
    """Given the same key again, job and deliveries are the earlier ones."""
    both = [delivery("d1"), delivery("d2", form="dicom-sr")]
    job, created = stocked.jobs.add(job_of(), "key", both)
    assert created
    again, created = stocked.jobs.add(job_of("other"), "key", [delivery("d3", "other")])
    assert (again.id, created) == (job.id, False)
    found = stocked.deliveries.of_job("ada", "job")
    assert [(d.id, d.format, d.state, d.attempts) for d in found] == [
        ("d1", "dicom-seg", "waiting", 0),
        ("d2", "dicom-sr", "waiting", 0),
    ]
    with pytest.raises(NotFound):
        stocked.deliveries.of_job("bob", "job")
    with pytest.raises(NotFound):
        stocked.deliveries.request("bob", "job", [delivery("d4")])


def test_due_when_its_job_is_over_and_claimed_once(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    assert stocked.deliveries.claim("archive", 60) is None
    finish(stocked)
    assert stocked.deliveries.claim("another", 60) is None
    claims: list[Delivery | None] = []
    many = [
        threading.Thread(target=lambda: claims.append(stocked.deliveries.claim("archive", 60)))
        for _ in range(8)
    ]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    (held,) = [claim for claim in claims if claim]
    assert (held.id, held.attempts) == ("d1", 1)
    stocked.deliveries.mark_sent("d1", RECEIPT)
    (found,) = stocked.deliveries.of_job("ada", "job")
    assert found.state is DeliveryState.SENT
    assert found.finished_at is not None


def test_a_lease_that_ran_out_is_anothers(stocked: Repository, job_of: MadeJob) -> None:
    """The earlier holder may say that it is sent, but neither postpone it nor give it up."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    first, second = stocked.deliveries.claim("archive", 0), stocked.deliveries.claim("archive", 60)
    assert first is not None
    assert second is not None
    assert (first.attempts, second.attempts) == (1, 2)
    assert not stocked.deliveries.fail(first, {"title": "x"})
    assert not stocked.deliveries.postpone(first, 9, {"title": "x"})
    stocked.deliveries.mark_sent(first.id, RECEIPT)
    assert not stocked.deliveries.fail(second, {"title": "x"})
    assert stocked.deliveries.of_job("ada", "job")[0].state is DeliveryState.SENT


def test_postponed_comes_again(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    for attempt in range(1, 30):
        held = stocked.deliveries.claim("archive", 60)
        assert held is not None
        assert held.attempts == attempt
        assert stocked.deliveries.postpone(held, 0, {"title": "away"})
    held = stocked.deliveries.claim("archive", 60)
    assert held is not None
    assert stocked.deliveries.postpone(held, 100, {"title": "away"})
    assert stocked.deliveries.claim("archive", 60) is None
    assert stocked.deliveries.of_job("ada", "job")[0].error == {"title": "away"}


def test_asked_again(stocked: Repository, job_of: MadeJob) -> None:
    """What failed goes again, what waits stays, what is new is added."""
    stocked.jobs.add(job_of(), None, [delivery("d1"), delivery("d2", form="dicom-sr")])
    finish(stocked)
    held = stocked.deliveries.claim("archive", 60)
    assert held is not None
    assert stocked.deliveries.fail(held, {"title": "refused"})
    assert stocked.deliveries.of_job("ada", "job")[0].state is DeliveryState.FAILED
    assert stocked.deliveries.claim("archive", 60) is not None  # d2
    found = stocked.deliveries.request("ada", "job", [delivery("n1"), delivery("n2", to="other")])
    assert [(d.id, d.state, d.attempts) for d in found] == [
        ("d1", "waiting", 0),
        ("d2", "waiting", 1),
        ("n2", "waiting", 0),
    ]
    assert found[0].error is None


def test_retry_lets_them_wait_again(stocked: Repository, job_of: MadeJob) -> None:
    """Given a job that was cancelled, its deliveries fail; retried, they wait for it."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    stocked.jobs.cancel("ada", "job")
    held = stocked.deliveries.claim("archive", 60)
    assert held is not None
    assert stocked.deliveries.fail(held, {"title": "cancelled"})
    assert stocked.jobs.retry("ada", "job").state is JobState.QUEUED
    (found,) = stocked.deliveries.of_job("ada", "job")
    assert (found.state, found.attempts, found.error) == ("waiting", 0, None)


def test_goes_with_its_scan(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    stocked.jobs.cancel("ada", "job")
    stocked.scans.delete("ada", "scan")
    with pytest.raises(NotFound):
        stocked.deliveries.of_job("ada", "job")


def test_waits_grow_to_five_minutes() -> None:
    assert [due_in(n, 1.0) for n in (1, 2, 3, 9)] == [1, 2, 4, 256]
    assert due_in(10, 1.0) == due_in(10_000, 1.0) == 300
    assert due_in(4, 0.0) == 4


def test_counts_by_destination_and_state(stocked: Repository, job_of: MadeJob) -> None:
    """The age is that of the first finished job; a job that is not finished has none."""
    stocked.jobs.add(job_of(), None, [delivery("d1"), delivery("d2", to="other")])
    counts = {(n.destination, n.state): n for n in stocked.figures.read().deliveries}
    assert counts["archive", DeliveryState.WAITING].oldest_s is None
    finish(stocked)
    held = stocked.deliveries.claim("other", 60)
    assert held is not None
    stocked.deliveries.mark_sent(held.id, RECEIPT)
    waiting, sent = stocked.figures.read().deliveries
    assert (waiting.destination, waiting.state, waiting.count) == ("archive", "waiting", 1)
    assert waiting.oldest_s is not None
    assert 0 <= waiting.oldest_s < 600
    assert (sent.destination, sent.state, sent.count) == ("other", "sent", 1)
    assert sent.oldest_s is None


def test_the_age_begins_with_the_last_request(stocked: Repository, job_of: MadeJob) -> None:
    """Given a job that finished 30 days ago, whose results are sent again, and a corrected mask."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    month_s = 30 * 86_400.0
    with stocked.database.write() as connection:
        connection.execute(update(jobs).values(finished_at=jobs.c.finished_at - month_s))
    (waiting,) = stocked.figures.read().deliveries
    assert waiting.oldest_s == pytest.approx(month_s, abs=600), "it waits since then"
    stocked.deliveries.mark_sent("d1", RECEIPT)
    corrected = replace(delivery("d2"), review="r", created_at=time.time() - 2000)
    stocked.deliveries.request("ada", "job", [corrected])
    waiting = stocked.figures.read().deliveries[-1]
    assert (waiting.state, waiting.count) == ("waiting", 1)
    assert waiting.oldest_s == pytest.approx(2000, abs=600)
    stocked.deliveries.mark_sent("d2", RECEIPT)
    stocked.deliveries.request("ada", "job", [delivery("d1")])
    waiting = stocked.figures.read().deliveries[-1]
    assert (waiting.state, waiting.count) == ("waiting", 1)
    assert waiting.oldest_s == pytest.approx(0, abs=600)


def test_a_corrected_mask_is_a_delivery_of_its_own(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    asked = [replace(delivery("d2"), review="r"), replace(delivery("d3"), review="other")]
    stocked.deliveries.request("ada", "job", asked)
    found = stocked.deliveries.request("ada", "job", [replace(delivery("d4"), review="r")])
    assert [(n.id, n.review) for n in found] == [("d1", ""), ("d2", "r"), ("d3", "other")]


def test_commitments_are_claimed_once_and_recorded_once(
    stocked: Repository, job_of: MadeJob
) -> None:
    """A report that comes before the request is marked as accepted is not overwritten."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    held = stocked.deliveries.claim("archive", 60)
    assert held is not None
    assert stocked.commitments.claim("archive", "2.25.1", 60) is None
    stocked.deliveries.mark_sent(held.id, replace(RECEIPT, commitment=Commitment.DUE))
    first = stocked.commitments.claim("archive", "2.25.1", 0)
    second = stocked.commitments.claim("archive", "2.25.2", 60)
    assert stocked.commitments.claim("archive", "2.25.3", 60) is None
    assert first is not None
    assert second is not None
    assert (second.commit_requests, second.commit_attempts) == (0, 2)
    assert not stocked.commitments.commit("2.25.1"), "a later request took its place"
    assert stocked.commitments.commit("2.25.2")
    stocked.commitments.requested(second, 0.0)
    assert not stocked.commitments.fail("2.25.2", {"title": "x"}, resend=True)
    (found,) = stocked.deliveries.of_job("ada", "job")
    assert (found.state, found.commitment) == (DeliveryState.SENT, Commitment.COMMITTED)
    assert stocked.commitments.of_transaction("2.25.1") is None


def test_only_accepted_requests_are_counted(stocked: Repository, job_of: MadeJob) -> None:
    """Attempts during an outage count for the wait alone, which an accepted request ends."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    stocked.deliveries.mark_sent("d1", replace(RECEIPT, commitment=Commitment.DUE))
    for attempt in range(1, 40):
        held = stocked.commitments.claim("archive", f"2.25.{attempt}", 60)
        assert held is not None
        assert (held.commit_requests, held.commit_attempts) == (0, attempt)
        stocked.commitments.postpone(held, 0, {"title": "unavailable"})
    held = stocked.commitments.claim("archive", "2.25.100", 60)
    assert held is not None
    stocked.commitments.requested(held, 0)
    again = stocked.commitments.claim("archive", "2.25.101", 60)
    assert again is not None
    assert (again.commit_requests, again.commit_attempts) == (1, 1)


def test_the_poll_for_commitments_reads_none_that_were_reported(
    stocked: Repository, job_of: MadeJob
) -> None:
    """Given many deliveries that are committed, the database uses the index of the others."""
    stocked.jobs.add(job_of(), None, [delivery("d1")])
    finish(stocked)
    reported = replace(
        delivery("c"), state=DeliveryState.SENT, commitment=Commitment.COMMITTED, due_at=1.0
    )
    rows = [asdict(replace(reported, id=f"c{n}", review=f"c{n}")) for n in range(3000)]
    with stocked.database.write() as connection:
        connection.execute(insert(deliveries), rows)
        connection.execute(text("ANALYZE"))
    stocked.deliveries.mark_sent("d1", replace(RECEIPT, commitment=Commitment.DUE))
    polls: list[tuple[str, Any]] = []

    @event.listens_for(stocked.database._engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        polls.extend([(statement, parameters)] if statement.startswith("SELECT") else [])

    assert stocked.commitments.claim("archive", "2.25.1", 60) is not None
    sqlite = stocked.database._engine.dialect.name == "sqlite"
    poll, parameters = polls[0]
    explain = ("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + poll
    with stocked.database.read() as connection:
        plan = str(connection.exec_driver_sql(explain, parameters).all())
    assert "deliveries_uncommitted" in plan


@pytest.mark.parametrize("revision", ["0003_project", "0004_project"])
def test_open_deliveries_survive_the_migration(repository: Repository, revision: str) -> None:
    """Given an earlier database: what waits is sent, and an open commitment is requested again."""
    add = """INSERT INTO deliveries (id, job, destination, format, state, attempts, due_at,
        created_at, commitment, "transaction", commit_requests) VALUES """
    rows = (
        "('d1', 'j', 'archive', 'dicom-seg', 'sent', 2, 5, 1, 'requested', '2.25.1', 3)",
        "('d2', 'j', 'archive', 'dicom-sr', 'waiting', 7, 5, 2000.5, NULL, NULL, 0)",
        "('d3', 'j', 'other', 'dicom-seg', 'sent', 1, 5, 1, 'committed', '2.25.3', 1)",
    )
    go_back(repository, revision, (*SCAN_AND_JOB, *(add + row for row in rows)))
    repository.migrate()
    again = repository.commitments.claim("archive", "2.25.4", 60)
    assert again is not None
    assert (again.id, again.commit_requests, again.commit_attempts) == ("d1", 3, 1)
    assert repository.commitments.claim("other", "2.25.5", 60) is None
    sent = repository.deliveries.claim("archive", 60)
    assert sent is not None
    assert (sent.id, sent.attempts, sent.requested_again_at) == ("d2", 8, None)
