"""Sends the id of a job to its queue, on any broker that Celery supports."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange
from kombu.entity import Queue as BrokerQueue
from kombu.exceptions import KombuError

from imaging.errors import Part, Unavailable
from jobs.file_transport import HIGHEST_PRIORITY
from jobs.job import Job
from jobs.outage_guard import OutageGuard
from jobs.settings import Settings

SEGMENT = "tessera.segment"
"""The task's name. The gateway sends only this name and a job id to the workers."""

_BROKER_TIMEOUT_S = 3.0
"""How long a sender waits for a broker that does not respond."""
_FAIL_FAST = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "socket_timeout": _BROKER_TIMEOUT_S,
    "socket_connect_timeout": _BROKER_TIMEOUT_S,
}

_AMQP_OPTIONS = {
    "read_timeout": _BROKER_TIMEOUT_S,
    "write_timeout": _BROKER_TIMEOUT_S,
    "confirm_publish": True,  # a message counts as sent once the broker has stored it
}
"""Workers, too: one that ends says so to the broker, and waits for its answer."""

T = TypeVar("T")


def celery_app(settings: Settings, queues: Sequence[str]) -> Celery:
    """The Celery configuration that gateway and workers share.

    `queues`: all names, which the caller takes from the runtimes; the first is the default.
    A message is acknowledged when its task ends, and a worker holds one message at a time.
    Recovery does not rely on redelivery by the broker: see `jobs/sweeper.py`.
    """
    app = Celery("tessera", set_as_current=False)
    app.conf.update(
        **_broker(settings),
        task_queues=[_queue(settings, name) for name in queues],
        task_default_queue=queues[0],
        task_acks_late=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_pool="solo",
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # RabbitMQ takes back a message that is held for too long
        broker_heartbeat=0,  # a busy worker answers none; its lease shows that it is alive
    )
    return app


def _kind(settings: Settings) -> str:
    """redis, amqp, file, or another scheme that Celery supports."""
    scheme = settings.broker.partition("://")[0].partition("+")[0]
    return {"rediss": "redis", "amqps": "amqp"}.get(scheme, scheme)


def _broker(settings: Settings) -> dict[str, Any]:
    kind = _kind(settings)
    if kind == "file":
        options = {"folder": str(settings.broker_folder.resolve()), "polling_interval": 0.1}
        return {
            "broker_url": "file://",
            "broker_transport": "jobs.file_transport:Transport",
            "broker_transport_options": options,
        }
    if kind == "amqp":
        return {"broker_url": settings.broker, "broker_transport_options": _AMQP_OPTIONS}
    if kind != "redis":
        return {"broker_url": settings.broker}
    options = {
        "visibility_timeout": settings.redis_visibility_s,
        "priority_steps": list(range(HIGHEST_PRIORITY + 1)),
        "socket_connect_timeout": _BROKER_TIMEOUT_S,
        "socket_keepalive": True,
    }
    return {"broker_url": settings.broker, "broker_transport_options": options}


def _queue(settings: Settings, name: str) -> BrokerQueue:
    arguments = {"x-max-priority": HIGHEST_PRIORITY} if _kind(settings) == "amqp" else None
    route = Exchange(name)  # type: ignore[no-untyped-call]
    return BrokerQueue(  # type: ignore[no-untyped-call]
        name, route, routing_key=name, queue_arguments=arguments
    )


class Queue:
    """Sends jobs to the broker; thread-safe, and quick to report that the broker is unavailable."""

    def __init__(self, settings: Settings, queues: Sequence[str]) -> None:
        """`queues`: all names; see `celery_app`."""
        self.names = tuple(queues)
        self._app = celery_app(settings, queues)
        self._kind = _kind(settings)
        self._queues = {name: _queue(settings, name) for name in self.names}
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._guard = OutageGuard()
        self.connections = 0
        """How often a connection was opened. A new one may lead to a broker that has restarted
        without its messages."""

    def send(self, job: Job) -> None:
        """Hands the job's id to the broker; raises Unavailable."""
        # Redis serves priority 0 first; the other brokers serve the highest first.
        priority = HIGHEST_PRIORITY - job.priority if self._kind == "redis" else job.priority

        def send(connection: Connection) -> None:
            self._app.send_task(
                SEGMENT,
                args=[job.id],
                queue=job.queue,
                priority=priority,
                connection=connection,
                retry=False,
            )

        self._call(send)

    def waiting(self, queue: str | None = None) -> int | None:
        """Messages that no worker has taken, in one queue or all; None if it cannot be read."""
        names = self.names if queue is None else (queue,)

        def count(connection: Connection) -> int:
            return sum(self._count(connection, name) for name in names)

        try:
            return self._call(count)
        except Unavailable:
            return None

    def ping(self) -> None:
        """Returns if the broker answers; raises Unavailable if not."""
        self._call(lambda connection: self._count(connection, self.names[0]))

    def _count(self, connection: Connection, name: str) -> int:
        queue = self._queues[name](connection.default_channel)
        return int(queue.queue_declare()[1])  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        with self._lock:
            self._drop()

    def _call(self, action: Callable[[Connection], T]) -> T:
        """Calls `action`; while the broker does not answer, one caller at a time tries it."""
        with self._guard.call():
            try:
                return self._tried_twice(action)
            except Unavailable as error:
                self._guard.timed_out(error)
                raise

    def _tried_twice(self, action: Callable[[Connection], T]) -> T:
        """Calls `action`, and once more if it fails: a restarted broker has cut the connection."""
        if not self._lock.acquire(timeout=2 * _BROKER_TIMEOUT_S):
            raise _unavailable()
        try:
            for last in (False, True):
                try:
                    return action(self._connected())
                except self._broker_errors() as error:
                    self._drop()
                    if last:
                        raise _unavailable() from error
            raise _unavailable()
        finally:
            self._lock.release()

    def _broker_errors(self) -> tuple[type[Exception], ...]:
        connection = self._connected()
        own = (*connection.connection_errors, *connection.channel_errors)
        return (KombuError, OSError, *own)

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._app.connection_for_write(connect_timeout=_BROKER_TIMEOUT_S)
            if self._kind != "amqp":
                connection.transport_options = {**connection.transport_options, **_FAIL_FAST}
            self._connection = connection
            self.connections += 1
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.release()  # type: ignore[no-untyped-call]
        self._connection = None


def _unavailable() -> Unavailable:
    return Unavailable(
        "The queue does not respond.",
        hint="Check that the broker runs and that TESSERA_BROKER_URL is correct. Accepted jobs "
        "are sent when the broker responds again.",
        part=Part.BROKER,
    )
