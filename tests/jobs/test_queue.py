"""One contract for all brokers: Redis, RabbitMQ, and the file transport."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection as BrokerConnection

from imaging.errors import Unavailable
from inference.runtime_registry import queue_for, queue_names
from jobs.job import Job
from jobs.queue import Queue, celery_app
from jobs.settings import Settings
from tests.support.rabbitmq import RabbitMQ

OpenQueue = Callable[[Settings], Queue]
MANY = 100
"""Messages that a killed RabbitMQ keeps: ten of each priority."""


class Consumer:
    """Takes messages as a worker does: one at a time, acknowledged when it is done."""

    def __init__(self, settings: Settings, *queues: str) -> None:
        self._app = celery_app(settings, queue_names())
        self._queues = queues

    def take(self, count: int, acknowledge: bool = True) -> list[str]:
        """Ids of the next messages; fewer where no more come within a second."""
        found: list[str] = []

        def on_message(message: Any) -> None:
            found.append(message.payload[0][0])
            if acknowledge:
                message.ack()

        queues = [self._app.amqp.queues[name] for name in self._queues]
        with self._app.connection_for_read() as connection:
            consumer = connection.Consumer(queues, on_message=on_message)
            consumer.qos(prefetch_count=1)
            with consumer:
                for _ in range(count):
                    try:
                        connection.drain_events(timeout=1)
                    except TimeoutError:
                        break
        return found


def test_priority_then_age_across_queues(
    open_queue: OpenQueue, broker_settings: Settings, job_of: Callable[..., Job]
) -> None:
    queue = open_queue(broker_settings)
    sent = [
        job_of(f"job{n}", priority=(7 * n) % 10, queue="cpu" if n % 3 else "any") for n in range(30)
    ]
    for job in sent:
        queue.send(job)
    assert queue.waiting() == 30
    assert queue.waiting("any") == 10
    assert queue.waiting("gpu") == 0
    by_name = {job.id: job for job in sent}
    taken = [by_name[name] for name in Consumer(broker_settings, "any", "cpu").take(30)]
    assert queue.waiting() == 0
    if not broker_settings.broker.startswith("amqp"):  # which lets its queues take turns
        assert [job.priority for job in taken] == sorted(
            (job.priority for job in sent), reverse=True
        )
    for name in ("any", "cpu"):
        asked = sorted((job for job in sent if job.queue == name), key=lambda job: -job.priority)
        assert [job for job in taken if job.queue == name] == asked
    if broker_settings.broker == "file://":
        assert taken == sorted(sent, key=lambda job: -job.priority)


def test_no_queue_starves_another(
    open_queue: OpenQueue, broker_settings: Settings, job_of: Callable[..., Job]
) -> None:
    """At one priority, jobs for any device do not always come before those for a CPU."""
    queue = open_queue(broker_settings)
    queue.send(job_of("cpu", queue="cpu"))
    for n in range(9):
        queue.send(job_of(f"any{n}", queue="any"))
    assert "cpu" in Consumer(broker_settings, "any", "cpu").take(3)


@pytest.mark.slow
def test_a_worker_gets_its_own_queues_only(
    open_queue: OpenQueue, broker_settings: Settings, job_of: Callable[..., Job]
) -> None:
    queue = open_queue(broker_settings)
    queue.send(job_of("gpu-job", queue="gpu", priority=9))
    queue.send(job_of("any-job", queue="any", priority=0))
    assert Consumer(broker_settings, "any", "cpu").take(2) == ["any-job"]
    assert Consumer(broker_settings, "any", "gpu").take(2) == ["gpu-job"]


def test_unacknowledged_messages_come_again(
    open_queue: OpenQueue, broker_settings: Settings, job_of: Callable[..., Job]
) -> None:
    """A worker that ends in order gives back what it did not finish."""
    queue = open_queue(broker_settings)
    queue.send(job_of())
    assert Consumer(broker_settings, "any").take(1, acknowledge=False) == ["job"]
    assert Consumer(broker_settings, "any").take(1) == ["job"]


@pytest.mark.slow
def test_many_senders_and_takers(
    open_queue: OpenQueue, broker_settings: Settings, job_of: Callable[..., Job]
) -> None:
    queue = open_queue(broker_settings)
    taken: list[str] = []

    def send(sender: int) -> None:
        for n in range(10):
            queue.send(job_of(f"job{sender}-{n}"))

    def take() -> None:
        until = time.monotonic() + 60
        while len(taken) < 40 and time.monotonic() < until:
            taken.extend(Consumer(broker_settings, "any").take(40 - len(taken)))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    threads += [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(f"job{sender}-{n}" for sender in range(4) for n in range(10))


def test_a_broker_that_is_there_answers(open_queue: OpenQueue, broker_settings: Settings) -> None:
    open_queue(broker_settings).ping()


def test_a_broker_that_is_away(
    open_queue: OpenQueue, redis: Any, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    queue = open_queue(Settings(data=tmp_path, broker_url=redis.url))
    queue.ping()
    redis.kill()
    for ask in (queue.ping, lambda: queue.send(job_of())):
        with pytest.raises(Unavailable):
            ask()
    assert queue.waiting() is None
    redis.start()
    queue.send(job_of())
    assert queue.waiting() == 1


@pytest.mark.slow
def test_rabbitmq_is_killed_and_keeps_its_messages(
    open_queue: OpenQueue, rabbitmq: RabbitMQ, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    settings = Settings(data=tmp_path, broker_url=rabbitmq.url)
    queue = open_queue(settings)
    for n in range(MANY):
        queue.send(job_of(f"job{n}", priority=n % 10))
    assert queue.waiting() == MANY
    rabbitmq.kill()
    with pytest.raises(Unavailable):
        queue.ping()
    assert queue.waiting() is None
    rabbitmq.start()
    assert queue.waiting() == MANY
    expected = [f"job{n}" for priority in range(9, -1, -1) for n in range(priority, MANY, 10)]
    assert Consumer(settings, "any").take(MANY) == expected


def test_a_queue_that_another_program_declared_otherwise(
    open_queue: OpenQueue, rabbitmq: RabbitMQ, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    with BrokerConnection(rabbitmq.url) as connection:
        connection.channel().queue_declare("any", durable=True, auto_delete=False)
    queue = open_queue(Settings(data=tmp_path, broker_url=rabbitmq.url))
    with pytest.raises(Unavailable):
        queue.send(job_of())


def test_a_restart_between_two_sends_goes_unnoticed(
    open_queue: OpenQueue, redis: Any, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    queue = open_queue(Settings(data=tmp_path, broker_url=redis.url))
    queue.send(job_of())
    redis.kill()
    redis.start()
    queue.send(job_of())
    assert queue.waiting() == 1


def test_a_broker_that_hangs_does_not_hang_the_sender(
    open_queue: OpenQueue, redis: Any, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    import signal

    queue = open_queue(Settings(data=tmp_path, broker_url=redis.url))
    queue.ping()
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            queue.send(job_of())
        assert time.monotonic() - began < 60
    finally:
        redis.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_half_written_files_are_no_messages(
    open_queue: OpenQueue, tmp_path: Path, job_of: Callable[..., Job]
) -> None:
    settings = Settings(data=tmp_path)
    queue = open_queue(settings)
    queue.send(job_of())
    (message,) = settings.broker_folder.iterdir()
    (settings.broker_folder / f"{message.name}.draft").write_text("{")
    assert queue.waiting() == 1
    assert Consumer(settings, "any").take(2) == ["job"]


@pytest.mark.parametrize(
    ("device", "queue"),
    [("auto", "any"), ("cpu", "cpu"), ("openvino", "cpu"), ("cuda", "gpu"), ("tensorrt", "gpu")],
)
def test_queues_by_device(device: str, queue: str) -> None:
    assert queue_for(device) == queue


def test_what_brokers_are_told(tmp_path: Path) -> None:
    """RabbitMQ serves the highest priority first, Redis 0; both must know of ten."""
    rabbit = celery_app(Settings(data=tmp_path, broker_url="amqp://localhost"), queue_names())
    assert rabbit.amqp.queues["any"].queue_arguments == {"x-max-priority": 9}
    redis = celery_app(Settings(data=tmp_path, broker_url="rediss://localhost"), queue_names())
    options = redis.conf.broker_transport_options
    assert options["priority_steps"] == list(range(10))
    assert options["visibility_timeout"] == 86_400
    for app in (rabbit, redis):
        assert app.conf.task_acks_late
        assert app.conf.worker_prefetch_multiplier == 1
