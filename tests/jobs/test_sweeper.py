"""The sweeper finds what brokers and workers lost, and sends no message too many."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from imaging.errors import NotFound, Unavailable
from inference.runtime_registry import queue_names
from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.dispatch import dispatch
from jobs.draft import DraftBase
from jobs.job import Job, JobState, Progress
from jobs.queue import Queue
from jobs.repository import Held
from jobs.settings import Settings
from jobs.sweeper import Sweeper
from tests.support.finished_rows import add_finished
from tests.support.migrated import migrated
from tests.support.waiting import until

LEASE_S = 0.2


class Room:
    """A repository and a queue with a sweeper, that nobody has started."""

    def __init__(self, settings: Settings, scan: Any) -> None:
        self.settings = settings.model_copy(update={"lease_s": LEASE_S, "sweep_interval_s": 0.05})
        self.repository = migrated(self.settings.database)
        self.repository.scans.add(scan)
        self.queue = Queue(self.settings, queue_names())
        self.blobs = open_blobs(self.settings)
        self.sweeper = self.another()

    def another(self, **changes: float) -> Sweeper:
        settings = self.settings.model_copy(update=changes)
        collector = BlobCollector(self.repository.references, self.blobs, settings)
        return Sweeper(self.repository, self.queue, collector, settings)


@pytest.fixture
def room(broker_settings: Settings, scan_of: Callable[..., Any]) -> Iterator[Room]:
    found = Room(broker_settings, scan_of())
    yield found
    found.queue.close()
    found.repository.close()


def test_what_was_never_sent_is_sent_once(room: Room, job_of: Callable[..., Job]) -> None:
    for n in range(3):
        room.repository.jobs.add(job_of(f"job{n}"))
    other = room.another()
    for sweeper in (room.sweeper, other, room.sweeper):
        sweeper.sweep()
    assert room.queue.waiting() == 3


@pytest.mark.slow
def test_a_long_queue_gets_no_second_messages(room: Room, job_of: Callable[..., Job]) -> None:
    for n in range(20):
        room.repository.jobs.add(job_of(f"job{n}"))
    room.sweeper.sweep()
    for _ in range(3):
        time.sleep(LEASE_S + 0.05)
        room.sweeper.sweep()
    assert room.queue.waiting() == 20


def test_a_broker_that_lost_everything_is_filled_again(
    redis: Any, tmp_path: Any, job_of: Callable[..., Job], scan_of: Callable[..., Any]
) -> None:
    room = Room(Settings(data=tmp_path, broker_url=redis.url), scan_of())
    for n in range(5):
        room.repository.jobs.add(job_of(f"job{n}"))
    room.sweeper.sweep()
    redis.kill()
    room.repository.jobs.add(job_of("job5"))
    with pytest.raises(Unavailable):
        room.sweeper.sweep()
    redis.start()
    time.sleep(LEASE_S + 0.05)
    for _ in range(3):
        room.sweeper.sweep()
    assert room.queue.waiting() == 6
    room.repository.close()


def test_one_lost_message_among_many(room: Room, job_of: Callable[..., Job]) -> None:
    """Given five jobs and four messages, then one more is sent, not five."""
    for n in range(5):
        room.repository.jobs.add(job_of(f"job{n}"))
        assert room.repository.messages.mark_sent([f"job{n}"])
        if n:
            room.queue.send(job_of(f"job{n}"))
    room.another(lease_s=600.0).sweep()
    assert room.queue.waiting() == 4, "nothing before a lease has passed"
    time.sleep(LEASE_S + 0.05)
    room.sweeper.sweep()
    room.sweeper.sweep()
    assert room.queue.waiting() == 5


def test_each_queue_is_counted_by_itself(room: Room, job_of: Callable[..., Job]) -> None:
    """Messages of cancelled jobs in a queue that nobody serves hide no loss in another."""
    for n in range(3):
        gpu = job_of(f"gpu{n}", queue="gpu")
        room.repository.jobs.add(gpu)
        dispatch(room.repository.messages, room.queue, [gpu])
        room.repository.jobs.cancel("ada", gpu.id)
    room.repository.jobs.add(job_of("cpu", queue="cpu"))
    assert room.repository.messages.mark_sent(["cpu"])
    time.sleep(LEASE_S + 0.05)
    room.sweeper.sweep()
    assert room.queue.waiting("cpu") == 1
    assert room.queue.waiting("gpu") == 3


def test_a_dead_workers_job_is_sent_at_once(room: Room, job_of: Callable[..., Job]) -> None:
    job = job_of()
    room.repository.jobs.add(job)
    assert room.repository.messages.mark_sent(["job"])  # its message died with the worker
    room.repository.leases.claim("job", "w", 600)
    sweeper = room.another(lease_s=600.0)  # it rests after a round that comes half a lease late
    sweeper.sweep()
    assert room.queue.waiting() == 0
    room.repository.leases.renew({Held("job", 1): Progress(1, 2)}, -1)  # and silence since then
    sweeper.sweep()
    until(lambda: room.queue.waiting() == 1)  # RabbitMQ counts a moment later
    assert room.repository.jobs.by_id("job").state is JobState.QUEUED


def test_many_are_marked_at_once_and_sent(room: Room, job_of: Callable[..., Job]) -> None:
    asked = [job_of(f"job{n}") for n in range(250)]
    for job in asked:
        room.repository.jobs.add(job)
    assert room.repository.messages.mark_sent(["job7"])
    assert dispatch(room.repository.messages, room.queue, asked) == 249
    assert dispatch(room.repository.messages, room.queue, asked) == 0
    assert room.queue.waiting() == 249


def test_dispatch_sends_once_and_takes_its_mark_back(
    redis: Any, tmp_path: Any, job_of: Callable[..., Job], scan_of: Callable[..., Any]
) -> None:
    room = Room(Settings(data=tmp_path, broker_url=redis.url), scan_of())
    job, _ = room.repository.jobs.add(job_of())
    redis.kill()
    with pytest.raises(Unavailable):
        dispatch(room.repository.messages, room.queue, [job])
    assert room.repository.jobs.by_id("job").sent_at is None
    room.repository.jobs.add(job_of("second"))
    with pytest.raises(Unavailable):
        dispatch(room.repository.messages, room.queue, room.repository.messages.unsent())
    assert len(room.repository.messages.unsent()) == 2, (
        "the marks of all that was not sent are taken back"
    )
    redis.start()
    assert dispatch(room.repository.messages, room.queue, [job])
    assert not dispatch(room.repository.messages, room.queue, [job])
    assert room.queue.waiting() == 1
    room.repository.close()


def test_the_thread_goes_on_while_the_broker_is_away(
    redis: Any,
    tmp_path: Any,
    job_of: Callable[..., Job],
    scan_of: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(Settings(data=tmp_path, broker_url=redis.url), scan_of())
    redis.kill()
    room.repository.jobs.add(job_of())
    room.sweeper.start()
    try:
        until(lambda: "the sweeper cannot work" in caplog.text)
        time.sleep(0.5)
        assert caplog.text.count("the sweeper cannot work") == 1, "said once, not every round"
        redis.start()
        until(lambda: room.queue.waiting() == 1)
    finally:
        room.sweeper.stop()
    room.repository.close()


def test_the_thread_deletes_what_nothing_names(
    redis: Any, tmp_path: Any, scan_of: Callable[..., Any]
) -> None:
    """Also while the broker is away."""
    room = Room(Settings(data=tmp_path, broker_url=redis.url), scan_of())
    redis.kill()
    (tmp_path / "mask").write_bytes(b"of a finish that was refused")
    name = room.blobs.put(tmp_path / "mask")
    sweeper = room.another(blob_grace_s=1.0)
    sweeper.start()
    try:
        until(lambda: not list((tmp_path / "blobs").rglob(name)))
    finally:
        sweeper.stop()
    room.repository.close()


def test_drafts_that_nobody_finished_are_deleted(room: Room) -> None:
    add_finished(room.repository, "job")
    room.repository.drafts.begin("ada", "job", "Ann", DraftBase(None, 6000, (1,), None))

    def is_there() -> bool:
        with suppress(NotFound):
            return room.repository.drafts.get("ada", "job", "Ann").id != ""
        return False

    sweeper = room.another(draft_keep_s=1e-6, blob_grace_s=0.0)
    sweeper.start()
    try:
        until(lambda: not is_there())
    finally:
        sweeper.stop()
