"""The outbox of webhooks: each end of a job becomes its messages once, on both databases."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, select, text, update

from imaging.errors import NotFound
from jobs.batch import Batch
from jobs.job import Job, JobState
from jobs.repository import Repository
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.webhook_tables import job_ends, webhook_messages
from jobs.webhook import BatchEnd, JobEnd, MessageState, WebhookMessage, wait_s
from tests.support.earlier_schema import SCAN_AND_JOB, go_back

MadeJob = Callable[..., Job]


def message(name: str, endpoint: str = "ris", project: str = "ada") -> WebhookMessage:
    return WebhookMessage(name, project, endpoint, "webhook.test", None, None, '{"a": 1}')


def compose(ends: Sequence[JobEnd], finished: Sequence[BatchEnd]) -> list[WebhookMessage]:
    """A message for each job, and for each finish of a batch."""
    of_jobs = [replace(message(f"{end.job} {end.state}"), job=end.job) for end in ends]
    of_batches = [message(f"{end.batch} {end.finished_at}") for end in finished]
    return [*of_jobs, *of_batches]


def finish(repository: Repository, job: str) -> None:
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


def ends(repository: Repository) -> list[JobEnd]:
    noted: list[JobEnd] = []

    def note(some: Sequence[JobEnd], _: Sequence[BatchEnd]) -> list[WebhookMessage]:
        noted.extend(some)
        return []

    repository.webhooks.announce(note)
    return noted


def stored(repository: Repository) -> list[str]:
    page, _ = repository.webhooks.page("ada", limit=200)
    return sorted(one.id for one in page)


def test_every_way_to_end_is_noted_once(stocked: Repository, job_of: MadeJob) -> None:
    """Success, failure, cancelling, the last attempt, a lost worker; a claim or retry is no end."""
    leases = stocked.leases
    for name in ("good", "bad", "waits", "runs", "tired", "lost"):
        stocked.jobs.add(job_of(name))
    finish(stocked, "good")
    claims = {name: leases.claim(name, "w", 60) for name in ("bad", "runs", "tired")}
    fences = {name: job.fence for name, job in claims.items() if job}
    assert leases.fail("bad", fences["bad"], {"title": "Bad", "status": 422})
    assert leases.requeue("tired", fences["tired"], {"title": "No S3"}, attempts=1)
    lost = leases.claim("lost", "w", -1)
    assert lost is not None
    assert leases.begin("lost", lost.fence)
    assert [job.id for job in stocked.lost_jobs.take_back(1)] == ["lost"]
    stocked.jobs.cancel("ada", "waits")
    stocked.jobs.cancel("ada", "runs")
    found = {end.job: end for end in ends(stocked)}
    assert {name: end.state.value for name, end in found.items()} == {
        "good": "succeeded",
        "bad": "failed",
        "tired": "failed",
        "lost": "failed",
        "waits": "cancelled",
        "runs": "cancelled",
    }
    assert found["bad"].error == {"title": "Bad", "status": 422}
    assert found["lost"].error is not None
    assert found["good"].error is None
    for end in found.values():
        job = stocked.jobs.get("ada", end.job)
        facts = (job.project, job.model, job.attempt, job.created_at, job.finished_at)
        assert facts == (end.project, end.model, end.attempt, end.created_at, end.finished_at)
    assert stocked.jobs.retry("ada", "bad").state is JobState.QUEUED
    assert ends(stocked) == []
    finish(stocked, "bad")
    assert [(end.job, end.state) for end in ends(stocked)] == [("bad", JobState.SUCCEEDED)]


def test_an_end_that_is_not_committed_leaves_nothing(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of())

    def end_and_fail() -> None:
        with stocked.database.write() as connection:
            connection.execute(update(jobs).values(state="failed", finished_at=1.0))
            noted = connection.execute(select(func.count()).select_from(job_ends))
            assert noted.scalar_one() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_and_fail()
    assert ends(stocked) == []


def test_messages_or_the_end_stay(stocked: Repository, job_of: MadeJob) -> None:
    """Given a fault while the messages are made, the next round makes them."""
    stocked.jobs.add(job_of())
    finish(stocked, "job")

    def faulty(_: Sequence[JobEnd], __: Sequence[BatchEnd]) -> list[WebhookMessage]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stocked.webhooks.announce(faulty)
    assert stocked.webhooks.announce(compose) == 1
    assert stocked.webhooks.announce(compose) == 0
    assert stored(stocked) == ["job succeeded"]


def test_recent_ends_can_be_left_alone(stocked: Repository, job_of: MadeJob) -> None:
    stocked.jobs.add(job_of())
    finish(stocked, "job")
    assert stocked.webhooks.announce(compose, after_s=3600) == 0
    with stocked.database.write() as connection:
        connection.execute(update(job_ends).values(finished_at=job_ends.c.finished_at - 3601))
    assert stocked.webhooks.announce(compose, after_s=3600) == 1


def test_several_announcers_store_each_message_once(stocked: Repository, job_of: MadeJob) -> None:
    """Given a batch whose jobs end at the same time, it finishes once."""
    names = [f"j{n}" for n in range(12)]
    stocked.batches.add(Batch("b", "ada", "", 1.0), [job_of(name) for name in names])
    stop, faults = threading.Event(), list[Exception]()

    def announce() -> None:
        while not stop.is_set():
            try:
                stocked.webhooks.announce(compose)
            except Exception as error:  # noqa: BLE001 - reported below
                faults.append(error)

    announcers = [threading.Thread(target=announce) for _ in range(3)]

    def work(some: Sequence[str]) -> None:
        for name in some:
            finish(stocked, name)

    workers = [threading.Thread(target=work, args=(names[k::4],)) for k in range(4)]
    for thread in (*announcers, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    stop.set()
    for thread in announcers:
        thread.join()
    stocked.webhooks.announce(compose)
    assert faults == []
    *of_jobs, of_batch = sorted(stored(stocked), key=lambda name: name.startswith("b "))
    assert of_batch.startswith("b ")
    assert of_jobs == sorted(f"{name} succeeded" for name in names)


def test_a_batch_finishes_with_its_last_job(stocked: Repository, job_of: MadeJob) -> None:
    """It finishes again after a job of it was retried; another batch does not count."""
    batch = [job_of("j1"), job_of("j2", model="other")]
    stocked.batches.add(Batch("b", "ada", "Mr Doe", 1.5), batch)
    stocked.batches.add(Batch("c", "ada", "", 1.5), [job_of("k1")])
    found: list[BatchEnd] = []

    def note(_: Sequence[JobEnd], finished: Sequence[BatchEnd]) -> list[WebhookMessage]:
        found.extend(finished)
        return []

    finish(stocked, "j1")
    assert stocked.webhooks.announce(note) == 1
    assert found == []
    stocked.jobs.cancel("ada", "j2")
    assert stocked.webhooks.announce(note) == 1
    (end,) = found
    assert (end.batch, end.project, end.created_at) == ("b", "ada", 1.5)
    assert end.states == {JobState.SUCCEEDED: 1, JobState.CANCELLED: 1}
    assert end.models == {"nuclei-2d", "other"}
    assert end.finished_at == stocked.jobs.get("ada", "j2").finished_at
    stocked.jobs.retry("ada", "j2")
    finish(stocked, "j2")
    assert stocked.webhooks.announce(note) == 1
    assert found[-1].states == {JobState.SUCCEEDED: 2}
    assert found[-1].finished_at > end.finished_at


def test_claimed_by_one(stocked: Repository) -> None:
    """Eight senders claim two messages for one endpoint; nobody gets another endpoint's."""
    for one in (message("m1"), message("m2"), message("m3", "other")):
        stocked.webhooks.add(one)
    claims: list[WebhookMessage | None] = []
    claim = partial(stocked.webhooks.claim, "ris", 60)
    many = [threading.Thread(target=lambda: claims.append(claim())) for _ in range(8)]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    rest = [claim(), claim()]  # SQLite: those who looked at the same one may have got none
    held = sorted(one.id for one in (*claims, *rest) if one)
    assert held == ["m1", "m2"]
    assert claim() is None


def test_a_lease_that_ran_out_is_anothers(stocked: Repository) -> None:
    stocked.webhooks.add(message("m1"))
    first, second = stocked.webhooks.claim("ris", 0), stocked.webhooks.claim("ris", 60)
    assert first is not None
    assert second is not None
    assert (first.attempts, second.attempts) == (1, 2)
    assert not stocked.webhooks.bury(first, {"title": "x"}, 500)
    assert not stocked.webhooks.postpone(first, 9, {"title": "x"}, None)
    stocked.webhooks.mark_delivered(first, 204)
    assert not stocked.webhooks.bury(second, {"title": "x"}, 500)
    (found,), _ = stocked.webhooks.page("ada")
    assert (found.state, found.status, found.error) == (MessageState.DELIVERED, 204, None)


def test_dead_messages_are_listed_and_resent(stocked: Repository) -> None:
    for one in ("m1", "m2", "m3"):
        stocked.webhooks.add(message(one, "other" if one == "m3" else "ris"))
    stocked.webhooks.add(message("n1", project="bob"))
    for endpoint in ("ris", "ris", "ris", "other"):
        held = stocked.webhooks.claim(endpoint, 60)
        assert held is not None
        assert stocked.webhooks.bury(held, {"title": "x", "detail": "y"}, 500)
    dead, more = stocked.webhooks.page("ada", state=MessageState.DEAD, limit=2)
    assert [one.id for one in dead] == ["m3", "m2"]
    rest, _ = stocked.webhooks.page("ada", state=MessageState.DEAD, cursor=more)
    assert [one.id for one in rest] == ["m1"]
    with pytest.raises(NotFound):
        stocked.webhooks.resend("bob", "m1")
    again = stocked.webhooks.resend("ada", "m1")
    assert (again.state, again.attempts, again.finished_at) == (MessageState.WAITING, 0, None)
    assert stocked.webhooks.resend_dead("ada", "other") == 1
    assert stocked.webhooks.resend_dead("ada") == 1
    assert stocked.webhooks.resend_dead(None) == 1
    held = stocked.webhooks.claim("ris", 60)
    assert held is not None
    assert held.attempts == 1


def test_old_messages_are_forgotten(stocked: Repository) -> None:
    """Whatever their state: also those that wait for an endpoint that nobody has any more."""
    for one in ("m1", "m2", "m3"):
        stocked.webhooks.add(message(one))
    held = stocked.webhooks.claim("ris", 0)
    assert held is not None
    stocked.webhooks.mark_delivered(held, 200)
    assert stocked.webhooks.forget(3600) == 0
    with stocked.database.write() as connection:
        old = update(webhook_messages).where(webhook_messages.c.id.in_(["m1", "m2"]))
        connection.execute(old.values(due_at=webhook_messages.c.due_at - 3601))
    assert stocked.webhooks.forget(3600) == 2
    assert stored(stocked) == ["m3"]


def test_waits_grow_to_four_hours_within_a_day() -> None:
    assert [wait_s(n, 0.5) for n in (1, 2, 3, 8)] == [5, 15, 45, 10_935]
    assert wait_s(9, 0.5) == wait_s(10_000, 0.5) == 14_400
    assert (wait_s(1, 0.0), wait_s(1, 1.0)) == (3.75, 6.25)


def test_a_version_that_does_not_know_the_table_is_noted(repository: Repository) -> None:
    """Given an earlier database with a job, a plain statement ends it after the migration."""
    go_back(repository, "0010_project", SCAN_AND_JOB)
    repository.migrate()
    with repository.database.write() as connection:
        connection.execute(text("UPDATE jobs SET state = 'running' WHERE id = 'j'"))
        connection.execute(text("UPDATE jobs SET state = 'failed', finished_at = 7 WHERE id = 'j'"))
    (end,) = ends(repository)
    assert (end.job, end.state, end.finished_at) == ("j", JobState.FAILED, 7.0)
